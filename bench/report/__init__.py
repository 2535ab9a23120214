"""Records and published rows in, one static page out: `write_report`."""

from bench.report.page import write_report as write_report
