"""What a request of a remote doctype asks for, beside what a running stack made of it with one document after another."""

from provisioner.core.definitions.remote_secret import read_template
from tests.golden.records import records


def test_the_stack_misses_a_secret_where_the_template_asks_for_one_that_is_not_there() -> None:
    for record in records("remote_secrets"):
        template, document = read_template(record["request"]), record["document"] or {}
        missing = [name for name in template.secrets if not isinstance(document.get(name), str)]
        said = record["answer"]
        about = f"{record['name']} with {document}: {said}"
        assert bool(template.refused) == ("the request is not valid" in said), about
        if record["name"].startswith("function in"):  # only a body has functions: their words are a part of the name
            assert (template.secrets, record["status"]) == ((), 400), about
        else:
            assert bool(missing) == ("no value was given" in said), about


def test_a_line_break_in_a_value_breaks_a_header_or_its_meaning() -> None:
    broken = [each for each in records("remote_secrets") if each["name"] == "two" and each["document"]]
    answers = {
        each["document"]["token"]: each["status"] for each in broken if "\r" in str(each["document"].get("other"))
    }
    assert answers == {"a\nb": 502}
