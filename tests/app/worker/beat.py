"""Asks the worker for what is due, every BEAT_SECONDS."""

import os
import signal

from worker import tasks

STOP = {signal.SIGTERM, signal.SIGINT}


def main():
    seconds = float(os.environ.get("BEAT_SECONDS", "3600"))
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    while signal.sigtimedwait(STOP, seconds) is None:
        tasks.delete_old.send()


if __name__ == "__main__":
    main()
