"""Internal: the process system of one event loop.

process_system                   run queue, timers, life and end
current                          the system and the process of the running code
names, groups, dead_letters      the tables of a system
deadlines, watchdog, footprint   timeouts of calls, handlers that hold the loop, memory
virtual_loop                     a loop without connections and real time, for simulations
reference, alone                 the methods that a Thespian actor calls on its process
"""
