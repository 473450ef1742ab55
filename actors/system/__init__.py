"""Internal: the process system of one event loop.

process_system                   run queue, timers, life and end
current                          the system and the process of the running code
names, groups, dead_letters      what a system keeps for its processes
deadlines, watchdog, footprint   timeouts of calls, loops that are held, memory
virtual_loop                     a loop without a world, for simulations
reference, alone                 what a Thespian actor holds of its process
"""
