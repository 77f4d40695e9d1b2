"""Measured records as they are handed around, against NumPy's own reader and hand counts."""

import numpy as np
import pytest

from sparsid.data import read


@pytest.mark.parametrize(
    ("name", "columns", "rows"),
    [
        ("dryer", ["u", "y"], 1000),
        ("evaporator", ["u1", "u2", "u3", "y1", "y2", "y3"], 6305),
        ("exchanger", ["t", "q", "T"], 4000),
    ],
)
def test_blank_separated_files_without_header(measured_data, name, columns, rows):
    path = measured_data / "daisy" / f"{name}.dat"
    data = read(path, columns=columns, outputs=columns[1:], inputs=columns[:1], dt=1)
    plain = np.loadtxt(path)
    assert plain.shape == (rows, len(columns))
    assert np.array_equal(np.hstack([data[0].u, data[0].y]), plain)


def test_the_exchangers_time_column_gives_its_step(measured_data):
    path = measured_data / "daisy" / "exchanger.dat"
    data = read(path, columns=["t", "q", "T"], outputs=["T"], inputs=["q"], time="t")
    assert (data.dt, data.lengths) == (1.0, (4000,))


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "rows"),
    [
        ("cascaded_tanks/dataBenchmark.csv", ["uEst"], ["yEst"], 1024),
        ("cascaded_tanks/dataBenchmark.csv", ["uVal"], ["yVal"], 1024),
        ("silverbox/SNLS80mV.csv", ["V1"], ["V2"], 131072),
        ("silverbox/Schroeder80mV.csv", ["V1"], ["V2"], 131072),
    ],
)
def test_comma_files_with_a_comma_at_the_end_of_each_row(
    measured_data, name, inputs, outputs, rows
):
    path = measured_data / name
    data = read(path, inputs=inputs, outputs=outputs, dt=4)
    heading = path.read_text().splitlines()[0].replace('"', "").split(",")
    places = [heading.index(name) for name in (*inputs, *outputs)]
    plain = np.loadtxt(path, delimiter=",", skiprows=1, usecols=places)
    assert data.lengths == (rows,) == (len(plain),)
    assert np.array_equal(np.hstack([data[0].u, data[0].y]), plain)
