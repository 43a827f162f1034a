"""A journal made to happen again: what people did and what the network did, read out of a trace, and played or written as a scenario.

journal      a trace file with what its head says of where it was made
deeds        what people did: as the trace says, or as the forms on the wire give it away
weather      what the network and the machines did, message by message
story        deeds and weather as a scenario file
rerun        deeds and weather in virtual time
differences  the recorded messages held against those of the rerun, field by field
"""
