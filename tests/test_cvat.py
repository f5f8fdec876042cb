"""CVAT's files as CVAT and its users make them: labels, joints' names, boxes, photos as frames, ZIP exports."""

import json
import logging
import zipfile
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from handpose_cli.formats import FORMATS, FormatError, ReadOptions
from handpose_cli.labels.recognise import recognise
from handpose_cli.records import FINGERS, KEYPOINT_NAMES, Hand, ImageRecord, box_around


@pytest.fixture(autouse=True)
def notes(caplog):
    caplog.set_level(logging.WARNING, "handpose_cli")
    return lambda folder: [r.getMessage().replace(f"{folder}/", "") for r in caplog.records]


def points(labels, outside=(), shift=0):
    return "".join(
        f'<points label="{label}" outside="{int(place in outside)}" occluded="0" points="{place + shift}.00,9.00">'
        "</points>"
        for place, label in enumerate(labels)
    )


def meta(parent, joints):
    labels = "".join(f"<label><name>{j}</name><type>points</type><parent>{parent}</parent></label>" for j in joints)
    return f"<meta><task><id>1</id><labels><label><name>{parent}</name></label>{labels}</labels></task></meta>"


def export(
    path, body, about="<meta></meta>", head='<image id="0" name="a.jpg" width="640" height="480">', end="</image>"
):
    text = f"<annotations><version>1.1</version>{about}{head}{body}{end}</annotations>"
    path.write_text(text, encoding="utf-8")
    return path


def read(path, images=None, **options):
    return list(FORMATS["cvat"].read(path, images, ReadOptions(**options)))


def box(label, x=10, y=20, right=40, bottom=60, more=""):
    return f'<box label="{label}" occluded="0" xtl="{x}" ytl="{y}" xbr="{right}" ybr="{bottom}" {more}></box>'


def test_labels_are_chosen_by_whole_words_and_the_rest_is_counted(tmp_path, notes):
    shapes = [box("Left hand"), box("handbag"), box("handbag"), box("door_handle"), box("hand", right=10),
              f'<skeleton label="hand">{points(KEYPOINT_NAMES, range(21))}</skeleton>',
              '<polygon label="hand" points="1,2;3,4;5,6"></polygon>', '<points label="hand" points="1,2;3,4"></points>'
              ]  # fmt: skip
    path = export(tmp_path / "a.xml", "".join(shapes))
    (record,) = read(path)
    (hand,) = record.hands
    assert hand.handedness == "left" and hand.box.tolist() == [10, 20, 30, 40]
    assert notes(tmp_path) == [
        "a.xml: left out: 3 shapes of other labels (2 handbag, 1 door_handle), 1 boxes without a size, 1 skeletons "
        "without a joint, 1 shapes that are neither skeletons nor boxes (1 polygon), 1 point sets that are not 21 "
        "points (1 of 2)"
    ]
    (chosen,) = read(path, classes=("handbag",))
    assert len(chosen.hands) == 2


def test_joints_are_named_by_the_meta_even_where_a_skeleton_lacks_some(tmp_path):
    from_one = export(tmp_path / "one.xml", f'<skeleton label="hand">{points(["1", "5"])}</skeleton>',
                      meta("hand", range(1, 22)))  # fmt: skip
    ((hand,),) = (r.hands for r in read(from_one))
    assert np.flatnonzero(hand.visibility).tolist() == [0, 4]
    from_zero = export(tmp_path / "zero.xml", f'<skeleton label="hand">{points(["1", "5"])}</skeleton>',
                       meta("hand", range(21)))  # fmt: skip
    ((hand,),) = (r.hands for r in read(from_zero))
    assert np.flatnonzero(hand.visibility).tolist() == [1, 5]
    names = ["INDEX_FINGER_TIP", "WRIST", "elbow"]
    named = export(tmp_path / "named.xml", f'<skeleton label="hand">{points(names)}</skeleton>', meta("hand", names))
    ((hand,),) = (r.hands for r in read(named))
    assert hand.keypoints[[0, 8], 0].tolist() == [1, 0] and hand.visibility.sum() == 4


def test_without_a_meta_numbering_is_decided_by_all_skeletons(tmp_path):
    body = f'<skeleton label="hand">{points(["1", "2"])}</skeleton>'
    path = export(tmp_path / "a.xml", body + f'<skeleton label="hand">{points(["20", "21"])}</skeleton>')
    first, second = read(path)[0].hands
    assert np.flatnonzero(first.visibility).tolist() == [0, 1] and np.flatnonzero(second.visibility).tolist() == [
        19,
        20,
    ]
    assert np.flatnonzero(read(export(path, body))[0].hands[0].visibility).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        (0, [100, 100, 200, 40]),
        (90, [180, 20, 40, 200]),
        (-180, [100, 100, 200, 40]),
        (30, [103.4, 52.68, 193.2, 134.64]),
    ],
)
def test_a_rotated_box_becomes_the_upright_one_around_it(tmp_path, angle, expected):
    path = export(tmp_path / "a.xml", box("hand", 100, 100, 300, 140, f'rotation="{angle}"'))
    assert read(path)[0].hands[0].box.tolist() == pytest.approx(expected, abs=0.01)


def test_handedness_comes_from_attributes(tmp_path):
    def told(name, value):
        return box("hand").replace("></box>", f'><attribute name="{name}">{value}</attribute></box>')

    shapes = told("handedness", "Right") + told("side", "L") + told("is_left", "true") + told("Handedness", "unknown")
    path = export(tmp_path / "a.xml", shapes)
    assert [hand.handedness for hand in read(path)[0].hands] == ["right", "left", "left", None]
    path = export(path, told("handedness", "up"))
    with pytest.raises(FormatError, match=r"a.xml: image a.jpg: handedness must be left, right or null."):
        read(path)


def test_a_point_set_of_21_is_a_hand_in_the_usual_order(tmp_path, notes):
    pairs = ";".join(f"{i},{2 * i}" for i in range(21))
    path = export(tmp_path / "a.xml", f'<points label="hand" occluded="0" points="{pairs}"></points>')
    assert read(path)[0].hands[0].keypoints[20].tolist() == [20, 40]
    assert notes(tmp_path) == [
        "a.xml: its keypoints have no names that are understood: taken in the order wrist, thumb_cmc ... little_tip"
    ]


def skeleton(x, more=""):
    return f'<skeleton label="hand" {more}>{points(KEYPOINT_NAMES[:9], shift=x)}</skeleton>'  # from x to x + 8, y 9


def test_boxes_of_one_group_are_those_of_the_skeletons_that_they_overlap_most(tmp_path, notes):
    group = 'group_id="1"'
    shapes = box("hand", 98, 5, 115, 30, group) + skeleton(10, group) + skeleton(100, group)
    first, second = read(export(tmp_path / "a.xml", shapes + box("hand", 8, 5, 105, 30, group)))[0].hands
    assert (first.box.tolist(), second.box.tolist()) == ([8, 5, 97, 25], [98, 5, 17, 25])
    shapes += box("hand", 300, 5, 310, 30, group)
    assert [hand.keypoints is None for hand in read(export(tmp_path / "a.xml", shapes))[0].hands] == [
        False, False, True
    ]  # fmt: skip
    assert not notes(tmp_path)


def test_a_box_without_a_group_is_that_of_the_only_skeleton_in_it(tmp_path, notes):
    def hands(shapes):
        return [(hand.keypoints is not None, hand.box[0]) for hand in read(export(tmp_path / "a.xml", shapes))[0].hands]

    around = box("hand", 9, 8, 30, 30)
    assert hands(skeleton(8) + around + skeleton(100)) == [(True, 9), (True, 100)]
    assert notes(tmp_path) == ["a.xml: 1 boxes without a group taken as those of the skeletons in them"]
    for apart in (box("hand", 14, 8, 30, 30), box("hand_box", 9, 8, 30, 30), box("hand", 9, 8, 130, 30)):
        assert len(hands(skeleton(10) + skeleton(100) + apart)) == 3
    assert len(hands(skeleton(10) + around + around)) == 3
    assert len(hands(skeleton(10).replace('"hand"', '"left hand"') + around.replace('"hand"', '"right hand"'))) == 2
    assert len(notes(tmp_path)) == 1


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imencode(".png", np.zeros((9, 9), np.uint8))[1].tofile(path)
    return path


def as_video(path, size=2):
    shape = '<box frame="{}" outside="{}" xtl="1" ytl="2" xbr="3" ybr="4" keyframe="1"></box>'
    about = f"<meta><task><id>1</id><size>{size}</size><mode>annotation</mode></task></meta>"
    return export(path, shape.format(1, 0) + shape.format(2, 1), about, '<track id="0" label="hand">', "</track>")


def test_photos_exported_for_video_get_their_names_from_the_images(tmp_path):
    path = as_video(tmp_path / "a.xml")
    with pytest.raises(FormatError) as error:
        read(path)
    assert str(error.value) == (
        f'{path}: its tracks are in frames without names: <meta> has no <source>. Export photos as "CVAT for images"'
    )
    assert error.value.remedy == "images"
    photo(tmp_path / "photos/b.png")
    photo(tmp_path / "photos/a/z.png")
    (record,) = read(path, tmp_path / "photos")
    assert (record.file, record.frame, record.hands[0].track_id) == ("b.png", None, None)
    photo(tmp_path / "photos/c.png")
    with pytest.raises(FormatError, match=r"photos: 3 images, but the task in .*a.xml has 2$"):
        read(path, tmp_path / "photos")


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in members.items():
            archive.write(source, name.replace("__", "/").replace("_xml", ".xml").replace("_png", ".png"))
    return path


def test_a_zip_export_is_read_without_being_unpacked(tmp_path):
    xml = export(tmp_path / "a.xml", box("hand"))
    path = zipped(tmp_path / "e.zip", annotations_xml=xml)
    assert recognise(path).name == "cvat" and read(path)[0].hands[0].box.tolist() == [10, 20, 30, 40]
    image = photo(tmp_path / "p.png")
    of_photos = zipped(tmp_path / "v.zip", annotations_xml=as_video(xml), images__a_png=image, images__s__b_png=image)
    assert read(of_photos)[0].file == "s/b.png"
    assert {p.name for p in tmp_path.iterdir()} == {"a.xml", "e.zip", "p.png", "v.zip"}


def test_bad_zips_are_one_line(tmp_path):
    other = zipped(tmp_path / "o.zip", b_png=photo(tmp_path / "p.png"))
    with pytest.raises(FormatError, match=r"o.zip: expected one annotations.xml in it$"):
        read(other)
    whole = zipped(tmp_path / "w.zip", annotations_xml=export(tmp_path / "a.xml", box("hand") * 50)).read_bytes()
    for length in (4, len(whole) // 2, len(whole) - 30):
        cut = tmp_path / "cut.zip"
        cut.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"cut.zip: cannot be read as ZIP: "):
            read(cut)


def test_tracks_of_a_project_belong_to_their_tasks_videos(tmp_path):
    about = "<meta><project><tasks>" + "".join(
        f"<task><id>{n}</id><original_size><width>{n}0</width><height>8</height></original_size><source>{n}.mp4</source>"
        "</task>" for n in (1, 2)
    ) + "</tasks></project></meta>"  # fmt: skip
    shape = '<box frame="3" outside="0" xtl="1" ytl="2" xbr="3" ybr="4" keyframe="1"></box></track>'
    tracks = "".join(f'<track id="{n}" label="hand" task_id="{n}">{shape}' for n in (1, 2))
    records = read(export(tmp_path / "a.xml", tracks, about, "", ""))
    assert [(r.file, r.width, r.frame) for r in records] == [("1.mp4", 10, 3), ("2.mp4", 20, 3)]


def project(path, source="", subsets=("Train", "Validation"), names=("a.jpg", "a.jpg")):
    tasks = "".join(
        f"<task><id>{number}</id><subset>{subset}</subset>{source}</task>" for number, subset in enumerate(subsets)
    )
    images = "".join(
        f'<image id="0" name="{name}" task_id="{number}" width="64" height="48">{box("hand")}</image>'
        for number, name in enumerate(names)
    )
    return export(path, images, f"<meta><project><tasks>{tasks}</tasks></project></meta>", "", "")


def test_images_of_a_project_that_have_one_name_are_told_apart(tmp_path, notes):
    path = tmp_path / "p.xml"
    assert [r.file for r in read(project(path, names=("a.jpg", "b.jpg")))] == ["a.jpg", "b.jpg"] and not notes(tmp_path)
    assert [r.file for r in read(project(path))] == ["Train/a.jpg", "Validation/a.jpg"]
    assert [r.file for r in read(project(path, subsets=("Train", "Train")))] == ["task_0/a.jpg", "task_1/a.jpg"]
    video = project(path, "<source>v.mp4</source>", names=("frame_000003", "frame_000003"))
    assert [(r.file, r.frame) for r in read(video)] == [("Train/v.mp4", 3), ("Validation/v.mp4", 3)]
    assert notes(tmp_path) == [
        f"p.xml: tasks with images or videos of one name: names begin with their {name}"
        for name in ("subset, such as Train/a.jpg", "task, such as task_0/a.jpg", "subset, such as Train/v.mp4")
    ]


def hand(**more):
    places = np.array([[i + 3, 2 * i + 3] for i in range(21)], np.float32)
    return Hand(np.array([1, 2, 60, 70], np.float32), keypoints=places, **more)


def frame(video, number, *hands):
    return ImageRecord(video, 640, 480, list(hands), frame=number)


def write(path, *records):
    with FORMATS["cvat"].open_writer(path) as writer:
        for record in records:
            writer.write(record)


def test_boxes_come_back_with_their_hands(tmp_path):
    own, tight, alone = hand(), hand(track_id=None), Hand(np.array([5, 6, 7, 8], np.float32))
    tight.box = box_around(tight.keypoints)
    path = tmp_path / "a.cvat.xml"
    write(path, ImageRecord("a.jpg", 640, 480, [own, tight, alone, hand()]))
    boxes = [h.box.tolist() for h in read(path)[0].hands]
    assert boxes == [[1, 2, 60, 70], [3, 3, 20, 40], [5, 6, 7, 8], [1, 2, 60, 70]]
    assert path.read_text().count("<box ") == 3


@pytest.mark.parametrize("name", ["a\x01b.jpg", "a\ufffe.jpg"])
def test_names_that_no_xml_file_can_have_are_refused(tmp_path, name):
    with pytest.raises(FormatError) as error:
        write(tmp_path / "a.cvat.xml", ImageRecord(name, 640, 480, [hand()]))
    assert str(error.value) == f"{name!r}: a name with control characters cannot be in XML. Rename the file"
    assert not list(tmp_path.iterdir())


def test_photos_and_each_video_have_a_file_of_their_own(tmp_path, notes):
    path = tmp_path / "p.cvat.xml"
    (tmp_path / "p.video-old.mp4.cvat.xml").write_text("")
    photos = [ImageRecord("a.jpg", 640, 480, [hand()]), ImageRecord("b.jpg", 640, 480)]
    videos = [frame("x/v.mp4", 0, hand(track_id=1)), frame("x/v.mp4", 1), frame("w.mp4", 0, hand())]
    write(path, photos[0], *videos, photos[1])
    names = ["p.cvat.labels.json", "p.cvat.xml", "p.video-w.mp4.cvat.xml", "p.video-x_v.mp4.cvat.xml"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert notes(tmp_path) == [
        "p.cvat.xml: a CVAT task is of photos or of one video: each video has its own file beside: "
        "p.video-x_v.mp4.cvat.xml, p.video-w.mp4.cvat.xml"
    ]
    assert [r.file for r in read(path)] == ["a.jpg", "b.jpg", "w.mp4", "x/v.mp4", "x/v.mp4"]
    assert "<source>" not in path.read_text() and "<image" in path.read_text()
    assert [r.file for r in read(tmp_path / names[3])] == ["x/v.mp4"] * 2
    write(path, *videos[:2])  # a video alone
    assert sorted(p.name for p in tmp_path.iterdir()) == names[:2]
    assert [(r.file, r.frame) for r in read(path)] == [("x/v.mp4", 0), ("x/v.mp4", 1)]
    assert FORMATS["cvat"].outputs(path) == [path, tmp_path / names[0]]


def test_names_of_videos_that_clash_or_are_long_are_all_written(tmp_path):
    names = ["a/v.mp4", "a_v.mp4", "A_V.mp4", "é" * 120 + "1.mp4", "ü/?" * 100 + "2.mp4"]
    write(tmp_path / "p.xml", *(frame(name, 0, hand()) for name in names))
    written = [p for p in tmp_path.iterdir() if p.suffix == ".xml"]
    assert sorted(read(path)[0].file for path in written) == sorted(names) and not (tmp_path / "p.xml").exists()


def test_nothing_is_left_of_a_run_that_fails(tmp_path):
    with pytest.raises(FormatError, match=r"v.mp4: its frames do not follow each other$"):
        write(tmp_path / "p.xml", frame("v.mp4", 0), frame("w.mp4", 0), frame("v.mp4", 1))
    assert not list(tmp_path.iterdir())


def test_the_labels_to_paste_are_those_of_the_file(tmp_path):
    path = tmp_path / "p.xml"
    write(path, ImageRecord("a.jpg", 640, 480, [hand()]))
    skeleton, rectangle = json.loads((tmp_path / "p.labels.json").read_text())
    labels = {label.findtext("name"): label for label in ElementTree.parse(path).iter("label")}
    assert [sub["name"] for sub in skeleton["sublabels"]] == list(KEYPOINT_NAMES)
    of_fingers = ["#ff5a5a", "#ffc828", "#50dc50", "#3cb4ff", "#c86eff"]
    assert [sub["color"] for sub in skeleton["sublabels"][4::4]] == of_fingers
    assert [labels[f"{name}_tip"].findtext("color") for name in FINGERS] == of_fingers
    assert set(labels) == {skeleton["name"], rectangle["name"], *KEYPOINT_NAMES}
    assert labels["hand"].findtext("svg") == skeleton["svg"]
    in_svg = [c.get("data-label-name") for c in ElementTree.fromstring(f"<g>{skeleton['svg']}</g>").iter("circle")]
    assert in_svg == list(KEYPOINT_NAMES)
