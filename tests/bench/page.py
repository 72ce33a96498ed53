"""What a user waits for in a real Chromium on the demo: first click on the map to 8 samples drawn; a scatter of 100,000 points."""
