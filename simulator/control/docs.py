"""The pages of /docs, served whole from this machine: a closed network sees them too."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response

PATH: Final = "/docs"
OPENAPI: Final = f"{PATH}/openapi.json"

router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("")
async def page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url=OPENAPI,
        title="banksim control API",
        swagger_js_url=f"{PATH}/swagger-ui.js",
        swagger_css_url=f"{PATH}/swagger-ui.css",
        swagger_favicon_url=f"{PATH}/favicon.png",
        swagger_ui_parameters={"docExpansion": "list", "defaultModelsExpandDepth": 0, "tryItOutEnabled": True},
    )


@router.get("/swagger-ui.js")
async def script() -> Response:
    return _asset("swagger-ui-bundle.js", "text/javascript; charset=utf-8")


@router.get("/swagger-ui.css")
async def style() -> Response:
    return _asset("swagger-ui.css", "text/css; charset=utf-8")


@router.get("/favicon.png")
async def icon() -> Response:
    return _asset("favicon.png", "image/png")


def _asset(name: str, media_type: str) -> Response:
    """A file that the package fastapi-offline ships."""
    content = files("fastapi_offline").joinpath("static", name).read_bytes()
    return Response(content, media_type=media_type, headers={"cache-control": "public, max-age=86400"})
