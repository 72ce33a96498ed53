"""What every training has in common: number formats, chance, averages, files, the loop. Knows no network."""
