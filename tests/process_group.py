"""A process group whose ranks are threads, and ``torch.distributed`` made of it."""

import threading
import types


class Group:
    """A process group whose ranks are threads."""

    def __init__(self, world):
        self.barrier = threading.Barrier(world, timeout=60)
        self.states = [b""] * world
        self.rank = threading.local()
        self.gathered = 0

    def all_gather(self, state):
        self.states[self.rank.number] = state
        self.barrier.wait()
        states = list(self.states)
        self.gathered += self.rank.number == 0
        self.barrier.wait()
        return states

    def run(self, work):
        """The answer of each rank."""
        answers = [None] * len(self.states)

        def of(rank):
            self.rank.number = rank
            try:
                answers[rank] = work(rank)
            except BaseException as error:
                self.barrier.abort()
                answers[rank] = error

        threads = [threading.Thread(target=of, args=(rank,)) for rank in range(len(answers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        problems = [answer for answer in answers if isinstance(answer, BaseException)]
        # A rank that only waited for the other is not the one to say what happened.
        for problem in sorted(problems, key=lambda problem: isinstance(problem, threading.BrokenBarrierError)):
            raise problem
        return answers

    def distributed(self):
        """What meanap uses of ``torch.distributed``."""

        def all_gather_object(values, own, group=None):
            values[:] = self.all_gather(own)

        return types.SimpleNamespace(
            is_available=lambda: True,
            is_initialized=lambda: True,
            get_world_size=lambda group=None: len(self.states),
            get_rank=lambda: self.rank.number,
            all_gather_object=all_gather_object,
        )
