"""The evidence that meanap equals pycocotools in every bit.

A `Case` is a small nasty data set and what is done with it. `flow.run` does it with one tool and writes down
all that a caller could see; `compare.differences` holds two such records against each other. `scenes` makes
cases from a seed, `features` makes them nasty, `shrink` makes a failing one small, and `fuzz` does this many
thousand times:

    python -m tests.differential.fuzz --count 20000 --seed 1
"""
