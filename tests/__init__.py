"""The tests of meanap."""
