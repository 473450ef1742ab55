"""The program on its host: identity of OS processes, standard streams, log output, files of the daemon."""
