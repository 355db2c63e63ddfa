"""The staff's web console at ``/console``: sign-in, guard, and the pages behind it.

What stands before the guard (``console``, ``guard``, ``signing``) is plain Starlette. NiceGUI is
imported by ``loading`` and what it imports, and only when somebody who is signed in opens a page.
"""
