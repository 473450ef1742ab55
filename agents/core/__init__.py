"""The pure core: values and steps. No I/O, no clock, no randomness, no logging, no processes."""
