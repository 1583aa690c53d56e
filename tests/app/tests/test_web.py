from web.wsgi import app


def test_an_empty_document_is_refused():
    assert app.test_client().post("/documents").status_code == 400


def test_the_page_is_there():
    assert b"/documents" in app.test_client().get("/").data
