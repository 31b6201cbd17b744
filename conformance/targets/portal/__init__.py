"""The sample e-government portal: the reference connector that the suite must find correct.

Rule: nothing of the simulator is imported here. The portal signs, reads and stores with code of its own, so that
a mistake of one side cannot hide behind the same mistake of the other.
"""
