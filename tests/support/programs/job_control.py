"""A shell with job control and one command: when that is suspended, it says so and lets it go on.

Called as `python -m tests.support.programs.job_control PROGRAM ARGUMENT...` on a terminal.
"""

import os
import signal
import sys
import time

if __name__ == "__main__":
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # for taking the terminal back
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(sys.argv[1], sys.argv[1:])
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        os.tcsetpgrp(0, os.getpgrp())
        print("[1]+  suspended", flush=True)
        time.sleep(0.3)
        os.tcsetpgrp(0, child)
        os.killpg(child, signal.SIGCONT)
