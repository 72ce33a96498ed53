"""The mask canvas over its routes: previews, drafts, masks from elsewhere and the crop, for every kind of picture."""

import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from augment.images import decode, decode_mask, encode_mask, encode_png
from augment.masked import PasteConfig, crop_box
from augment.store import ImageRecord, Store
from tests.examples import image_record
from tests.ui.desks import client_of, desk_of
from ui import inpaint_routes
from ui.mask_bits import pack_mask, unpack_mask

TEXTURE = np.tile(np.linspace(90, 140, 300, dtype=np.float32), (200, 1))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def turned() -> bytes:
    """A JPEG that lies on its side; EXIF 6 says: turn it by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(TEXTURE.T.astype(np.uint8)), "JPEG", exif=exif)


PHOTOGRAPHS = {
    "grey": lambda: encode_png(TEXTURE.astype(np.uint8)),
    "colour": lambda: encode_png(np.dstack([TEXTURE, TEXTURE / 2, TEXTURE[::-1]]).astype(np.uint8)),
    "16 bit": lambda: saved(Image.fromarray((TEXTURE * 30).astype(np.uint16)), "PNG"),
    "turned": turned,
}


def add(store: Store, data: bytes, number: int = 1, **fields: object) -> ImageRecord:
    pixels = decode(data).pixels
    size = {"width_px": pixels.shape[1], "height_px": pixels.shape[0]}
    record = image_record(number, sha256=store.files.put(data), **(size | fields))
    return store.images.get(store.apply([record])[0])


def client(store: Store) -> TestClient:
    return client_of(inpaint_routes.routes(desk_of(store)))


def drawn(image: ImageRecord, box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((image.height_px, image.width_px), dtype=np.bool_)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@pytest.mark.parametrize("kind", PHOTOGRAPHS)
def test_a_preview_is_upright_stretched_and_small(store: Store, kind: str):
    image = add(store, PHOTOGRAPHS[kind]())
    page = client(store)
    found = page.get(f"/kizu/inpaint/image/{image.id}/preview")
    assert found.headers["content-type"] == "image/webp"
    pixels = decode(found.content).pixels
    assert pixels.shape[:2] == (image.height_px, image.width_px) == (200, 300)
    # 90 to 140 of 255 in the file; WebP rounds the ends a little.
    assert pixels.min() < 12 and pixels.max() > 243
    plain = decode(page.get(f"/kizu/inpaint/image/{image.id}/preview?contrast=0").content).pixels
    assert kind == "16 bit" or plain.max() < 160


def test_a_large_photograph_goes_out_small_and_a_flat_one_as_it_is(store: Store):
    large = add(store, encode_png(np.full((2100, 3000), 77, dtype=np.uint8)))
    pixels = decode(client(store).get(f"/kizu/inpaint/image/{large.id}/preview").content).pixels
    assert pixels.shape[:2] == (1434, 2048) and abs(int(pixels[0, 0, 0]) - 77) <= 1


@pytest.mark.parametrize("kind", PHOTOGRAPHS)
def test_what_is_drawn_is_kept_and_comes_back(store: Store, kind: str):
    image, page = add(store, PHOTOGRAPHS[kind]()), client(store)
    path, mask = f"/kizu/inpaint/image/{image.id}/mask", np.random.default_rng(1).random((200, 300)) < 0.1
    assert not unpack_mask(page.get(path).content, (300, 200)).any()
    answer = page.post(path, content=pack_mask(mask)).json()
    draft = store.drafts.get(image.id or 0)
    assert draft is not None and draft.mask_sha256 == answer["sha256"] and store.files.has(answer["sha256"])
    assert (unpack_mask(page.get(path).content, (300, 200)) == mask).all()
    file = page.get(f"{path}.png")
    assert "attachment" in file.headers["content-disposition"]
    assert (decode_mask(file.content, (300, 200)) == mask).all()
    # Nothing left of it: the draft goes.
    assert page.post(path, content=pack_mask(np.zeros_like(mask))).json() == {"sha256": None}
    assert store.drafts.get(image.id or 0) is None
    assert page.get(f"{path}.png").status_code == 404


def test_a_mask_of_another_size_is_refused_and_the_draft_stays(store: Store):
    image, page = add(store, PHOTOGRAPHS["grey"]()), client(store)
    path = f"/kizu/inpaint/image/{image.id}/mask"
    page.post(path, content=pack_mask(drawn(image, (1, 1, 5, 5))))
    for data in (pack_mask(np.ones((300, 200), dtype=np.bool_)), b"nonsense", b""):
        assert page.post(path, content=data).status_code == 400
    assert (unpack_mask(page.get(path).content, (300, 200)) == drawn(image, (1, 1, 5, 5))).all()
    assert page.post("/kizu/inpaint/image/99/mask", content=b"").status_code == 404


def test_a_picture_becomes_a_mask_where_it_has_the_right_size(store: Store):
    image, page = add(store, PHOTOGRAPHS["turned"]()), client(store)
    path, mask = f"/kizu/inpaint/image/{image.id}/mask/upload", drawn(image, (10, 20, 60, 40))
    assert (unpack_mask(page.post(path, content=encode_png(mask)).content, (300, 200)) == mask).all()
    wrong = page.post(path, content=encode_png(mask.T))
    assert wrong.status_code == 400 and "200 x 300 px but its image is 300 x 200 px" in wrong.json()["error"]
    assert "no PNG" in page.post(path, content=b"no picture at all").json()["error"]


def test_masks_from_the_image_and_from_the_library(store: Store):
    own = np.zeros((200, 300), dtype=np.bool_)
    own[50:60, 100:140] = True
    masked = add(store, PHOTOGRAPHS["grey"](), label="crack", mask_sha256=store.files.put(encode_mask(own)))
    good, page = add(store, PHOTOGRAPHS["colour"](), number=2, label="free"), client(store)
    assert (unpack_mask(page.get(f"/kizu/inpaint/image/{masked.id}/mask/own").content, (300, 200)) == own).all()
    assert page.get(f"/kizu/inpaint/image/{good.id}/mask/own").status_code == 404
    path = f"/kizu/inpaint/image/{good.id}/mask/library"
    masks = [
        unpack_mask(page.get(f"{path}?label={label}&seed=3").content, (300, 200)) for label in ("crack", "", "crack")
    ]
    assert all(mask.any() for mask in masks) and (masks[0] == masks[2]).all()
    missing = page.get(f"{path}?label=free&seed=3")
    assert missing.status_code == 404 and "masks are there for crack" in missing.json()["error"]
    assert page.get(f"{path}?label=crack&seed=-1").status_code == 400


def test_the_crop_is_the_one_that_the_operation_takes(store: Store):
    image, page = add(store, PHOTOGRAPHS["grey"]()), client(store)
    path = f"/kizu/inpaint/image/{image.id}/crop"
    for box, padding, feather, side in (((10, 20, 60, 40), 0.5, 4, 64), ((290, 190, 300, 200), 2.0, 0, 128)):
        asked = ",".join(map(str, box))
        found = page.get(f"{path}?box={asked}&padding={padding}&feather={feather}&side={side}").json()
        expected = crop_box(drawn(image, box), PasteConfig(padding=padding, feather_px=feather), side)
        assert [found[name] for name in ("left", "top", "right", "bottom")] == [
            expected.left,
            expected.top,
            expected.right,
            expected.bottom,
        ]


def test_how_large_the_model_sees_the_crop_is_told_for_the_mask_that_is_stored(store: Store):
    image, page = add(store, PHOTOGRAPHS["grey"]()), client(store)
    path = f"/kizu/inpaint/image/{image.id}"
    thin = np.zeros((200, 300), dtype=np.bool_)
    thin[100:102, 40:240] = True
    asked = f"{path}/crop?box=40,100,240,102&side=64&most=256&grid=8"
    assert page.get(asked).json()["seen"] is None
    page.post(f"{path}/mask", content=pack_mask(thin))
    # The crop is all of the picture: 300 x 200, at 256 for a line of 2 px, and 170.7 is nearest to 168.
    assert page.get(asked).json()["seen"] == [256, 168]
    assert page.get(asked.replace("256", "64")).json()["seen"] == [64, 40]
    assert page.get(asked.replace("40,100", "41,100")).json()["seen"] is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("box=0,0,301,10", "inside 300 x 200"),
        ("box=5,5,5,9", "inside"),
        ("box=-1,0,4,4", "inside"),
        ("", "inside"),
        ("box=0,0,4,4&padding=9", "padding 9"),
        ("box=0,0,4,4&padding=a", "padding 'a'"),
        ("box=0,0,4,4&padding=nan", "padding 'nan'"),
        ("box=0,0,4,4&feather=inf", "feather"),
        ("box=0,0,4,4&side=1e9", "side"),
    ],
)
def test_a_crop_that_cannot_be_is_told(store: Store, query: str, words: str):
    image = add(store, PHOTOGRAPHS["grey"]())
    answer = client(store).get(f"/kizu/inpaint/image/{image.id}/crop?{query}")
    assert answer.status_code == 400 and words in answer.json()["error"]
