# What examples/django_host.py uses of Django, which has no types of its own.
