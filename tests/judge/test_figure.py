import numpy as np

from augment.judge.figure import ReferenceSamples, captioned_rows, reference_sheet, side_by_side

RED, ORANGE = (214, 39, 40), (255, 150, 20)


def of(label, nearer, labelled, side=28, channels=1):
    count = len(nearer)
    return ReferenceSamples(
        label=label,
        reference=np.full((side, side, channels), 10, np.uint8),
        samples=np.full((count, side, side, channels), 200, np.uint8),
        nearer=np.array(nearer),
        labelled=np.array(labelled),
    )


def pixels_of(sheet, colour):
    return int((sheet == colour).all(axis=2).sum())


def test_each_wrong_sample_is_framed_in_its_colour():
    fine = reference_sheet("label", [of("a", [True] * 6, [True] * 6), of("a", [True] * 6, [True] * 6)])
    # The letters of the legend have the colours too.
    written = {colour: pixels_of(fine, colour) for colour in (RED, ORANGE)}
    near = of("a", [False] + [True] * 5, [True] * 6)
    named = of("a", [True] * 6, [True, False, False, True, True, True])
    sheet = reference_sheet("label", [near, named])
    assert sheet.shape == fine.shape
    frames = {colour: pixels_of(sheet, colour) - count for colour, count in written.items()}
    assert 0 < 2 * frames[RED] == frames[ORANGE]
    both = reference_sheet("label", [of("a", [False], [False])])
    assert pixels_of(both, RED) - written[RED] > pixels_of(both, ORANGE) - written[ORANGE] > 0


def test_small_pictures_are_enlarged_and_large_ones_are_not():
    # 28 px are shown twice as large, pixel for pixel; the reference is the only area of its grey.
    assert pixels_of(reference_sheet("", [of("a", [True], [True])]), (10, 10, 10)) == 56**2
    assert pixels_of(reference_sheet("", [of("a", [True], [True], 128, 3)]), (10, 10, 10)) == 128**2


def test_classes_are_blocks_and_labels_that_cannot_be_written_are_numbered():
    one = reference_sheet("t", [of("a", [True], [True]), of("a", [True], [True])])
    two = reference_sheet("t", [of("a", [True], [True]), of("傷", [True], [True])])
    assert two.shape[0] > 1.5 * one.shape[0] and two.shape[1] <= one.shape[1]
    assert (two == reference_sheet("t", [of("a", [True], [True]), of("class 2", [True], [True])])).all()
    assert side_by_side([one, two]).shape[:2] == (two.shape[0], one.shape[1] + two.shape[1] + 36)


def test_rows_are_broken_where_they_are_too_long():
    pictures = np.full((5, 28, 28, 1), 10, np.uint8)
    short, long = captioned_rows([("five", pictures)]), captioned_rows([("five", pictures)], across=3)
    assert pixels_of(short, (10, 10, 10)) == pixels_of(long, (10, 10, 10)) == 5 * 56 * 56
    assert long.shape[0] > short.shape[0] and long.shape[1] < short.shape[1]
