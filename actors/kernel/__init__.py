"""Internal: processes and signals. A process here knows its system as a Scheduler only.

pid, address, signals, errors    the values that everything speaks of
message_queue, bound             a mailbox, and its bound
process, receiver, ending        a process: mailbox, links, monitors, and its end
crash_reports                    the log event of a process that failed
"""
