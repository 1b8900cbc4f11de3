"""``python -m chatserver``"""

from chatserver.cli.commands import main

main()
