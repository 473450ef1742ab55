"""Internal: processes and signals. A process of this folder sees its system only as a Scheduler.

pid, address, signals, errors    the values of all interfaces
message_queue, bound             a mailbox, and its bound
process, receiver, ending        a process: mailbox, links, monitors, and its end
crash_reports                    the log event of a process that failed
"""
