"""A city in virtual time: many cases live at once on the real bridge core and both simulators, and people act as tables say.

    tables     three files read aloud: where and when a city reports, who does what after how long, how bad the network is
    lots       everything drawn: a number for each question, from the seed and the question alone
    worlds     the city cut into worlds that never meet, so that they can live in any process in any order
    situations what a case is waiting for
    world      one world, from the first report until nobody has anything to do
    journal    the trace of a world: hashed, counted and judged while it grows, not kept
    figures    what is counted, and how the counts of worlds add up
    city       all worlds over some processes
    failing    the first world that breaks something, made small

The same seed gives the same journal, byte for byte, whatever the machine, the version of Python and the number of processes.
"""
