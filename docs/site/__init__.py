"""The documentation site: the pages of docs/, and reference pages that are made from the code.

assemble.py    copies the pages, and adds the made ones
generated.py   the made pages by their paths
checked.py     runs the site generator, which checks each link, and counts every message of it as an error

`make docs` builds build/site. zensical.toml has the navigation.
"""
