"""Two architectures over seeds: is one better, and how many seeds would it take to know?"""

import bench

#: What changes the protocol; its runs are then marked as reduced.
OPTIONS = ["epochs=3", "channels=8"]
SEEDS = [0, 1, 2]


def main() -> None:
    records = bench.evaluate(["PDARTS", "random:0"], "classification/digits", seeds=SEEDS, options=OPTIONS)
    first, second = dict.fromkeys(record.architecture.name for record in records)
    # A row for every run; numbers are numbers.
    frame = bench.results("classification", published=False)
    print(frame.groupby("architecture")["top1_error"].agg(["count", "mean", "std", "min"]).round(2))
    # Metric by metric, with tests over the seeds that both have.
    print(bench.table("classification", compare=(first, second)))


if __name__ == "__main__":
    main()
