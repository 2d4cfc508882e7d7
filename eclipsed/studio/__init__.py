"""The studio: one page in the browser on which faces are edited by looking. Needs ``pip install ".[studio]"``.

Everything that is computed here is computed by the floors below; this package shows it and keeps the sessions apart.
Importing it loads neither gradio nor torch.
"""

from __future__ import annotations
