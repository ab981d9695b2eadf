# SPDX-License-Identifier: Apache-2.0 OR MIT
# ruff: noqa: E501
"""Files as people write them, by what is odd about each."""

from __future__ import annotations

PLAIN = {
    "one_string": "mirrors:\n  one: /srv/one\n",
    "two_strings": "mirrors:\n  one: /srv/one\n  two: https://mirror.example/two\n",
    "as_spack_writes": (
        "mirrors:\n  one:\n    url: oci://registry.example/team/cache\n    signed: false\n    push:\n"
        "      access_pair:\n        id: bob\n        secret_variable: TOKEN\n  two: /srv/two\n"
    ),
    "four_columns": "mirrors:\n    one:\n        url: /srv/one\n        binary: false\n    two: /srv/two\n",
    "three_and_one": "mirrors:\n   one:\n    url: /srv/one\n    push:\n        url: s3://bucket/x\n        profile: w\n",
    "one_column": "mirrors:\n one: /srv/one\n two:\n  url: /srv/two\n  source: false\n",
    "no_indent_inside_flow": "mirrors:\n  one:\n    url: /srv/one\n    push: {url: s3://b/x, profile: p}\n",
    "comments_everywhere": (
        "# Mirrors of the site\n# second line\n\nmirrors:  # on the section\n\n  # about one\n  # more about one\n"
        "  one: /srv/one  # behind one\n\n  # about two\n  two:  # behind two\n    # above url\n    url: /srv/two # behind url\n"
        "    # between\n    signed: false\n    # below signed\n\n  # about three\n  three: https://x.example/3\n"
        "  # at the end of the section\n# at the end of the file\n"
    ),
    "comment_right_of_keys": "mirrors:\n  one:\n    url: /srv/one\n      # further right\n  two: /srv/two\n",
    "comment_at_margin": "mirrors:\n  one:\n    url: /srv/one\n# at the margin\n    signed: true\n# here too\n  two: /srv/two\n",
    "hash_in_values": "mirrors:\n  one: 'https://x.example/#/a'  # real comment\n  two: https://x.example/b#c\n",
    "quoted_keys": '"mirrors":\n  \'one\': /srv/one\n  "two":\n    \'url\': "https://x.example/two"\n    "signed": true\n',
    "quoted_values": "mirrors:\n  one: \"/srv/one\"\n  two:\n    url: 'https://x.example/it''s'\n    profile: \"p\\tq\"\n",
    "crlf": "# top\r\nmirrors:\r\n  one: /srv/one\r\n  two:\r\n    url: /srv/two\r\n    # inner\r\n    signed: false\r\n",
    "crlf_flow": "mirrors:\r\n  one: {url: /srv/one, signed: false}\r\n  two: /srv/two\r\n",
    "no_final_newline": "mirrors:\n  one: /srv/one\n  two: /srv/two",
    "no_final_newline_dict": "mirrors:\n  one:\n    url: /srv/one\n  two:\n    url: /srv/two\n    binary: true",
    "crlf_no_final_newline": "mirrors:\r\n  one: /srv/one\r\n  two: /srv/two",
    "blank_lines": "\n\nmirrors:\n\n\n  one: /srv/one\n\n\n  two: /srv/two\n\n\n",
    "trailing_spaces": "mirrors:   \n  one: /srv/one   \n  two:  \n    url: /srv/two  \n    signed: true   \n",
    "flow_section": "mirrors: {one: /srv/one, two: {url: /srv/two, signed: false}}\n",
    "flow_lines": "mirrors: {\n  one: /srv/one,  # first\n  two: {url: /srv/two}\n}\n# end\n",
    "flow_trailing_comma": "mirrors: {one: /srv/one, two: /srv/two, }\n",
    "flow_root": "{mirrors: {one: /srv/one, two: /srv/two}}\n",
    "flow_entries": "mirrors:\n  one: {url: /srv/one, push: {url: /srv/push}}\n  two: {url: '/srv/two', binary: true,}  # c\n",
    "json": '{"mirrors": {"one": {"url": "/srv/one"}, "two": "/srv/two"}}\n',
    "override_section": "mirrors::\n  one: /srv/one\n  two: /srv/two\n",
    "override_entry": "mirrors:\n  one::\n    url: /srv/one\n  'two:': /srv/two\n",
    "document_start": "%YAML 1.2\n---\nmirrors:\n  one: /srv/one\n  two: /srv/two\n",
    "document_end": "---\nmirrors:\n  one: /srv/one\n  two: /srv/two\n...\n",
    "byte_order_mark": "\ufeffmirrors:\n  one: /srv/one\n  two: /srv/two\n",
    "folded_address": "mirrors:\n  one:\n    url: >-\n      https://x.example/one\n\n    signed: true\n  two: |-\n    /srv/two\n",
    "many_lines": "mirrors:\n  one:\n    https://x.example/one\n  two:\n    url:\n      /srv/two\n    signed:\n      false\n",
    "odd_order": (
        "mirrors:\n  one:\n    signed: true\n    push:\n      profile: p\n      url: s3://b/one\n    autopush: false\n"
        "    url: https://x.example/one\n  two: /srv/two\n"
    ),
    "nulls": "mirrors:\n  one:\n    url: /srv/one\n    profile: null\n    endpoint_url: ~\n    access_token_variable:\n  two: /srv/two\n",
    "yes_and_no": "mirrors:\n  one: no\n  yes: on\n  two: 'true'\n",
    "letters": "mirrors:\n  one: /srv/größe/日本/😀\n  größe-日本: /srv/two  # 😀 é\n  two: /x\n",
    "placeholders": "mirrors:\n  one: $spack/../mirror\n  two: ~/mirror-$user\n",
    "relative": "mirrors:\n  one: ./here\n  two: ../there/x\n",
    "numbers_as_keys": "mirrors:\n  1: /srv/one\n  2.0:\n    url: /srv/two\n  true: /srv/three\n",
    "aliases": "mirrors:\n  one:\n    url: &place /srv/one\n    signed: false\n  two:\n    url: /srv/two\n    push: *place\n",
    "merge_keys": (
        "mirrors:\n  one: &one\n    url: /srv/one\n    signed: false\n  two:\n    <<: *one\n    url: /srv/two\n"
        "  three: /srv/three\n"
    ),
    "whole_alias": "mirrors:\n  one: &one\n    url: /srv/one\n    signed: false\n  two: *one\n",
    "unused_anchor": "mirrors: &all\n  one: &one\n    url: &u /srv/one\n  two: &two /srv/two\n",
    "tags": "mirrors: !!map\n  one: !!str /srv/one\n  two:\n    url: /srv/two\n    signed: !!bool true\n",
    "unknown_keys": "mirrors:\n  one:\n    url: /srv/one\n    view: v\n    x-note: kept\n  two: /srv/two\n",
    "secrets_of_0_2x": (
        "mirrors:\n  one:\n    url: s3://bucket/one\n    access_pair: [AKID, hunter2hunter2]\n    # keep\n    access_token: tok-0123456789\n"
        "  two:\n    url: s3://bucket/two\n    push:\n      url: s3://bucket/push\n      access_pair:\n      - user\n      - s3cr3t-block\n"
    ),
    "secrets_of_0_2x_anchor": (
        "mirrors:\n  one:\n    url: s3://bucket/one\n    fetch:\n      url: s3://bucket/one\n      access_pair: ['id', \"q\\x41uoted-secret\"]\n"
        "  two: /srv/two\n"
    ),
    "password_in_address": "mirrors:\n  one: https://bob:pw-in-address@x.example/one\n  two: /srv/two\n",
    "only_fetch": "mirrors:\n  one:\n    fetch: https://x.example/one\n  two:\n    fetch: {url: /srv/two}\n    push: {url: /srv/two}\n",
    "environment": (
        "# an environment\nspack:\n  specs: [zlib]  # roots\n  mirrors:\n    # ours\n    one: /srv/one\n    two:\n      url: /srv/two\n"
        "      signed: false\n  view: true\n"
    ),
    "environment_flow": "spack: {specs: [], mirrors: {one: /srv/one, two: /srv/two}, view: false}\n",
    "environment_override": "spack:\n  mirrors::\n    one: /srv/one\n    two: /srv/two\n  specs:\n  - zlib\n",
    "included_file": "config:\n  debug: true\nmirrors:\n  one: /srv/one\n  two: /srv/two\npackages:\n  all:\n    target: [x86_64]\n",
    "long_lines": "mirrors:\n  one: /srv/"
    + "x" * 300
    + "\n  two:\n    url: /srv/"
    + "y" * 200
    + "\n    signed: true\n",
}

# Nothing to edit in them yet.
WITHOUT_ENTRIES = {
    "nothing": "",
    "newline": "\n",
    "comments_only": "# nothing here yet\n\n# really\n",
    "comments_only_no_newline": "# nothing here yet",
    "crlf_comment": "# nothing\r\n",
    "empty_section": "mirrors:\n",
    "empty_section_comment": "mirrors:  # none\n  # yet\n",
    "empty_braces": "mirrors: {}\n",
    "empty_braces_comment": "mirrors: {}  # none\n# end\n",
    "empty_override": "mirrors:: {}\n",
    "null_section": "mirrors: null\n",
    "empty_root": "{}\n",
    "start_only": "---\n# nothing\n",
    "environment_without": "spack:\n  specs:\n  - zlib\n  view: true\n# end\n",
    "environment_wide": "spack:\n    specs: []\n    config:\n        debug: true",
    "environment_flow_without": "spack: {specs: [], view: false}\n",
    "environment_empty_section": "spack:\n  mirrors:\n  specs: []\n",
}

# What cannot be read, with the line that is wrong and a word of the reason.
REFUSED = {
    "tab": ("mirrors:\n  one: /srv/one\n\ttwo: /srv/two\n", 3, "tab"),
    "tab_indent": ("mirrors:\n\tone: /srv/one\n", 2, "tab"),
    "duplicate_entry": ("mirrors:\n  one: /srv/one\n  two: /srv/two\n  one: /srv/other\n", 4, "twice"),
    "duplicate_override": ("mirrors:\n  one: /srv/one\n  one:: /srv/other\n", 3, "twice"),
    "duplicate_section": ("mirrors:\n  one: /a\nmirrors:\n  one: /b\n", 3, "twice"),
    "duplicate_key": ("mirrors:\n  one:\n    url: /a\n    url: /b\n", 4, "twice"),
    "list": ("mirrors:\n- one\n- two\n", 1, "mapping"),
    "text": ("mirrors: /srv/one\n", 1, "mapping"),
    "unknown_tag": ("mirrors:\n  one: !include x\n", 2, "tag"),
    "two_documents": ("mirrors:\n  one: /a\n---\nmirrors: {}\n", 3, "document"),
    "other_section": ("config:\n  debug: true\n", 1, "mirrors"),
    "broken": ("mirrors:\n  one: {url: /a\n", 3, "expected"),
}
