"""Warm-up of one engine process: what is asked, by whom, and who opens the pod's first lock."""
