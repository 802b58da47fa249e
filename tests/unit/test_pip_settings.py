"""The settings of pip that a build of the image gets from the machine that it runs on."""

from tests.support.images import portable

LISTING = """\
:env:.constraint='constraints.txt'
:env:.retries='7'
:env:.index-url='https://registry.example/simple'
global.cert='/etc/ssl/own.crt'
global.extra-index-url='file:///srv/wheels https://other.example/simple'
global.find-links='wheels'
global.timeout='60'
install.constraint="/etc/it's.txt"
install.prefer-binary='true'
"""


def test_what_names_a_place_on_this_machine_is_left_out():
    assert portable(LISTING) == {
        "retries": "7",
        "index-url": "https://registry.example/simple",
        "extra-index-url": "https://other.example/simple",
        "timeout": "60",
        "prefer-binary": "true",
    }
