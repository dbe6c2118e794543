"""Sums as a loop adds them."""


def running_sum(numbers):
    """Each number is added to those before it; `sum` keeps what rounding takes away, from Python 3.12 on."""
    total = 0
    for number in numbers:
        total += number
    return total
