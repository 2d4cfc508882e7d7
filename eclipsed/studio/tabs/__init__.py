"""The tabs of the page, one file each. A tab is drawn when it is made, and answers once ``wire`` has been called.

Another tab is another file here and a line in `eclipsed.studio.app.TABS`.
"""
