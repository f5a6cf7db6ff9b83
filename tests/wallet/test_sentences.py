"""Sentences that follow each other: a blank apart in English, joined in Chinese, and escaped as before."""

from django.template import Context, Template
from django.utils.translation import override

from wallet import sentences


def test_english_sentences_stand_a_blank_apart_and_chinese_ones_are_joined() -> None:
    assert sentences.join("It failed.", "", "Try again.") == "It failed. Try again."
    assert sentences.join("付款失败。", "", "请重试。") == "付款失败。请重试。"
    assert sentences.join("已退回 USD $1.00。", "The card is closed.") == "已退回 USD $1.00。The card is closed."


def test_sentences_of_a_template_are_joined_and_names_in_them_stay_escaped() -> None:
    page = Template("{% load sentences %}<p>{% sentences %}{{ first }} {{ second }}{% endsentences %}</p>")
    assert page.render(Context({"first": "完成。", "second": "<b>"})) == "<p>完成。&lt;b&gt;</p>"
    assert page.render(Context({"first": "Done.", "second": "Go on."})) == "<p>Done. Go on.</p>"


def test_a_label_and_its_value_are_parted_as_each_language_parts_them() -> None:
    page = Template("{% load sentences %}{{ label }}{% colon %}{{ value }}")
    assert page.render(Context({"label": "Rate", "value": "7.2"})) == "Rate: 7.2"
    with override("zh-hans"):
        assert page.render(Context({"label": "汇率", "value": "7.2"})) == "汇率：7.2"
