"""Text written by models and people, as HTML that is safe to show. Pure: no Django, no network.

Everything here is untrusted: nothing of the source's markup survives except what an allow-list
names, and the work done on a text is bounded, after which it is shown as plain text.
"""

# Part of every cache key: raise it whenever the same source would come out as other HTML.
RENDERER_VERSION = 4
