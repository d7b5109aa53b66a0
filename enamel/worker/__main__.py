"""`python -m enamel.worker`: one worker process over the settings of the environment."""

from core.settings import Settings
from enamel.work import work

if __name__ == "__main__":
    work(Settings())
