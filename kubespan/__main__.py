"""``python -m kubespan`` is the program ``kubespan``."""

from kubespan.cli.main import kubespan

if __name__ == "__main__":
    kubespan(prog_name="kubespan")
