"""Takes lines by TCP on PORT, prints them and confirms each."""

import os
import signal
import socketserver
import threading

STOP = {signal.SIGTERM, signal.SIGINT}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            print(line.decode(errors="replace").rstrip(), flush=True)
            self.wfile.write(b"ok\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    # Before the thread is there, so that the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    with Server(("", int(os.environ.get("PORT", "8001"))), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        signal.sigwait(STOP)
        server.shutdown()


if __name__ == "__main__":
    main()
