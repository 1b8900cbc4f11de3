"""What every room uses: errors, ids, times, logging, encryption."""
