"""Which hands a person should look at first, and why: `flags` with each hand, and one order of doubt.

`video.flagged` gives a stream of records their flags, `order.doubt` sorts hands, and `flags.FLAGS` has the flags in
words.
"""
