"""What a new site begins with: how much one person may approve, and reasons to reject."""

from decimal import Decimal

from django.db import migrations

from wallet.ids import new_id

_LIMITS = {"USD": Decimal(30_000), "CNY": Decimal(200_000)}

_REASONS = [
    (
        "Nothing arrived",
        "We have not found this transfer at our bank. Please check it with your bank, correct the details and send "
        "them again.",
        "我们在银行账户中没有找到这笔汇款。请向您的银行核实，更正信息后重新提交。",
    ),
    (
        "Wrong receiving account",
        "The slip shows another receiving account than ours. Please ask your bank about it, and transfer to the "
        "account on the bank sheet.",
        "回单上的收款账户不是我们的账户。请联系您的银行，并按汇款单上的账户重新汇款。",
    ),
    (
        "Slip cannot be read",
        "We cannot read the slip you uploaded. Please upload a clear picture or the PDF from your bank.",
        "您上传的回单无法辨认。请上传清晰的图片或银行出具的 PDF 文件。",
    ),
    (
        "Declared twice",
        "This transfer was declared for another order already. If you paid twice, send us the number of the second "
        "transfer.",
        "这笔汇款已用于另一笔订单。如果您汇了两次，请提供第二笔汇款的银行流水号。",
    ),
    (
        "Payer cannot be accepted",
        "The money came from a payer we cannot accept for your organisation. Please transfer from an account in your "
        "organisation's name.",
        "付款方与贵公司不符，我们无法接受。请使用贵公司名下的账户汇款。",
    ),
]


def add_first_rules(apps, schema_editor):
    alias = schema_editor.connection.alias
    limits = apps.get_model("payments", "ApprovalLimit").objects.using(alias)
    for currency, amount in _LIMITS.items():
        limits.create(id=new_id(), currency=currency, single_up_to=amount)
    reasons = apps.get_model("payments", "RejectionReason").objects.using(alias)
    for position, (title, english, chinese) in enumerate(_REASONS):
        reasons.create(id=new_id(), title=title, text_en=english, text_zh=chinese, position=position)


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_guards")]
    operations = [migrations.RunPython(add_first_rules, migrations.RunPython.noop)]
