"""``python -m chatserver``"""

from chatserver.cli import main

main()
