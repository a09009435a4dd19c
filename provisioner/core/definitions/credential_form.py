"""Why a value cannot be a credential: something stands in its place, and would replace one that works.

No provider issues these: references that nobody resolved, templates that nobody filled in, what is encrypted or
hashed, what was hidden before it was copied, and placeholders.
"""

import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from typing import TypeAlias

from msgspec import Struct

from provisioner.core.definitions.account_type import CREDENTIAL_FIELDS, Document
from provisioner.core.secret import Json, Unfit, is_secret_key, revealed

Keys: TypeAlias = tuple[str, ...]
"""The keys that lead to a value in a document."""


class Stopgap(StrEnum):
    """What stands in place of a credential."""

    REFERENCE = "a reference that nothing resolved"
    TEMPLATE = "a template that nothing filled in"
    ENCRYPTED = "still encrypted"
    HASH = "a hash, not the value itself"
    HIDDEN = "hidden in the place that it was copied from"
    PLACEHOLDER = "a placeholder"


_ANY_CASE = (Stopgap.REFERENCE, Stopgap.HIDDEN)
"""What has forms in large and in small letters."""

_ANYWHERE = (Stopgap.REFERENCE, Stopgap.ENCRYPTED)
"""What is certain in any text of a konnector's secret, not only where a credential stands."""

PLAIN = re.compile(r"[A-Za-z0-9._+/=-]*")
"""A value with no other characters than most credentials have."""


class Form(Struct, frozen=True, dict=True):
    """One form: its name, and its pattern for the whole value.

    `within`: the pattern may be a part of the value. `plain`: it also fits plain values.
    """

    kind: Stopgap
    name: str
    expression: str
    plain: bool
    within: bool

    @property
    def why(self) -> str:
        """What such a value is."""
        return f"{self.kind} ({self.name})"

    def fits(self, text: str) -> bool:
        """Whether a text has the form."""
        return (self.pattern.search(text) if self.within else self.pattern.fullmatch(text)) is not None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled when it is needed: to compile all takes 25 ms."""
        return re.compile(self.expression, re.DOTALL | (re.IGNORECASE if self.kind in _ANY_CASE else 0))


_FORMS = r"""
a reference that nothing resolved:
1Password | developer.1password.com/docs/cli/secret-reference-syntax | op://.*
vals | github.com/helmfile/vals | (secret)?ref\+[a-z0-9+.-]+:.*
HashiCorp Vault | bank-vaults.dev/docs/mutating-webhook | =(>>)?(hashi)?vault[:+].*
OpenBao | openbao.org/docs | (open)?bao(:|://).*
AWS KMS, Google KMS | getsops.io | (aws|gcp|hc|azure)?[-_]?kms:.*
a reader of properties | WildFly, Spring Vault | \{(vault|secret|keystore|credential)\}.*
HashiCorp Vault | developer.hashicorp.com/vault/docs/secrets/kv | =(secret|kv(-v\d)?)/data/[\w/.-]+([#:].*)?|(secret|kv(-v\d)?)/[\w/.-]+#.*|secret(/[\w.-]+)+
AWS | docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html | arn:aws[a-z-]*:[a-z0-9-]+:.*
AWS | docs of the AWS CLI and of Elastic Beanstalk | aws:(ssm|secretsmanager|secrets-manager):.*
AWS Secrets Manager | docs.awspring.io/spring-cloud-aws | (aws-?)?(secretsmanager|secrets-manager)(:|@|://).*|sm(@|://).*
AWS Parameter Store | github.com/helmfile/vals | (aws-?)?(ssm|parameterstore|ssm-secure|ssm-parameter)(:|://).*|(aws)?ps://.*
Google Secret Manager | cloud.google.com/secret-manager/docs | =(//[\w.]+/)?projects/[^/\s]+/(locations/[^/\s]+/)?secrets/.*
Google Secret Manager | cloud.google.com/secret-manager/docs | https://secretmanager\.[\w.]*googleapis\.com/.*
Google Secret Manager | external-secrets.io | (gcp|gcpsm|gcp-?secret-?manager|gcpsecretmanager|gsm|berglas)(:|://).*
Azure App Service | learn.microsoft.com/azure/app-service/app-service-key-vault-references | @microsoft\.(keyvault|appconfiguration)\(.*
Azure Key Vault | learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates | https://[\w.-]+\.(vault|managedhsm)\.(azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de)(:\d+)?/.*
Azure Key Vault | github.com/helmfile/vals | (azure-?)?(keyvault|key-vault|akv|azkv)(:|://|\().*
Doppler | docs.doppler.com | doppler(:|://).*
Bitwarden | bitwarden.com/help/secrets-manager-cli | (bw|bws|bitwarden)(:|://).*
Infisical | infisical.com/docs | infisical(:|://).*
a secret store | their documentation | (pass|gopass|lpass|lastpass|keepass|keepassxc|keeper|dl|dashlane|protonpass|keychain|keyring|secret-service|libsecret|akeyless|conjur|chamber|teller|psono|passbolt|delinea|thycotic)://.*
a secret store | their documentation | (1password|onepassword|bitwarden-sm|vaultwarden|cyberark|pulumi|enpass|nordpass|gopass|pass|lpass|keepass|keepassxc|keeper|lastpass|dashlane|keychain|keyring|akeyless|conjur|chamber):.*
Kubernetes | kubernetes.io/docs/concepts/configuration/secret | (k8s|kubernetes|secretref|secretkeyref|valuefrom)(:|://).*
a command of a secret store | their documentation | (bw|bws|rbw|op|pass|gopass|lpass|vault|aws|gcloud|az|doppler|infisical|sops|age|gpg|keyring|security|chamber|kubectl|secret-tool)\s+(get|show|read|item|list|kv|secrets?|secretsmanager|ssm|keyvault|lookup|find-generic-password|(-d|--)?decrypt|exec)(\s.*)?
the environment | docs of PowerShell and of 12-factor loaders | (env|environ|envvar|fromenv)(:|://)[\w.-]+|\$env:\w+
a file | docs.docker.com/compose/how-tos/use-secrets | =(file|secret|secrets|secretfile|kms|awskms|gcpkms)://.*|(file:|@)?(/var)?/run/secrets/[\w./-]+|@file:.*|file:[~.]?/.*|@[\w.~/-]+\.(txt|json|ya?ml|key|pem|env)
sops | getsops.io | =sops(:|://|\+).*
a YAML tag | docs of Ansible, Home Assistant, CloudFormation, Summon | !(vault|vault-encrypted|secret|secrets|env|var|variable|ref|sub|getatt|include|file|op|sops|encrypted)([/:][\w-]+)*(\s.*)?
still encrypted:
sops or eyaml | getsops.io, github.com/voxpupuli/hiera-eyaml | \s*ENC\[.*
ejson | github.com/Shopify/ejson | EJ\[\d:.*
eyaml | github.com/voxpupuli/hiera-eyaml | DEC(\(\d+\))?::[A-Z0-9]+\[.*
Jasypt | github.com/ulisesbocchio/jasypt-spring-boot | ENC\(.*
a mark of encryption | WebSphere, WebLogic, Travis, Cirrus | (?i:\{(aes|enc|des|3des|xor|crypto)[\w-]*\}|(enc|encrypted|cipher|ciphertext|crypt|secure|aes[\w-]*):|encrypted\[).*
Spring Cloud Config | docs.spring.io/spring-cloud-config | \{cipher\}.*
Ansible Vault | docs.ansible.com/ansible/latest/vault_guide | \s*\$ANSIBLE_VAULT;.*
age | age-encryption.org/v1 | =\s*-----BEGIN AGE ENCRYPTED FILE-----.*|age-encryption\.org/v\d.*|YWdlLWVuY3J5cHRpb24ub3Jn.*
age | a key of age itself | =AGE-SECRET-KEY-1.*|age1[02-9ac-hj-np-z]{50,}
PGP | RFC 9580 | \s*-----BEGIN PGP [A-Z ]+-----.*
PKCS #7 | RFC 7468 | \s*-----BEGIN (PKCS7|CMS)-----.*
OpenSSL | docs.openssl.org/master/man1/openssl-enc | =U2FsdGVkX1.*
AWS KMS | docs.aws.amazon.com/kms | =AQICAH[A-Za-z0-9+/]{100}.*
a sealed secret | github.com/bitnami-labs/sealed-secrets | =Ag[A-D][A-Za-z0-9+/]{680}.*
dotenvx | dotenvx.com/docs | encrypted:B[A-Za-z0-9+/]{20}.*
Windows DPAPI | ConvertFrom-SecureString | =01000000d08c9ddf0115d1118c7a00c04fc297eb.*
git-crypt | github.com/AGWA/git-crypt | \x00GITCRYPT\x00.*
a template that nothing filled in:
${…} | shells, Compose, Terraform | \$\{.*\}
${…} | the same as a part | ~\$\{\{?[A-Za-z_ ][\w.: -]*\}
{{…}} | Jinja, Helm, GitHub, CloudFormation | ~\{\{[^{}]*\}\}
{{…}} | Jinja | \{\{.*\}\}|\{%.*%\}
$(…) | shells | \$\(.*\)
$(…) | Azure Pipelines, Kubernetes | ~\$\([A-Za-z_][\w.-]*\)
$[…] | Azure Pipelines | \$\[.*\]
$NAME | shells | \$[A-Za-z]+(_[A-Za-z]+)+\$?|\$\$?[A-Z]{2,}\$?
%NAME% | Logstash, Go's format, batch files | %\{.*\}|%%\w+%%|%!\w?\(.*\)|![A-Z_][A-Z0-9_]*!
%NAME% | Windows, Symfony, Python | %[A-Za-z_][\w.-]*(\([\w.:-]+\))?%|%\([\w.-]+\)s
__NAME__ | replacetokens | =__[A-Za-z]+([_-]+[A-Za-z0-9]+)*__|#\{?__.*__\}?#
<…> | documentation | <[^<>]*>|<<.*>>|&lt;.*&gt;|«.*»
<…> | documentation | \u2039.*\u203a
<%…%> | ERB, EJS | <%.*%>
#{…} | Ruby, Octopus, replacetokens | #\{.*\}#?
@@NAME@@ | Maven, CMake, autoconf | @@?[A-Za-z]+([_.-][A-Za-z0-9]+)*@@?
((name)) | Concourse | \(\(.*\)\)
[[name]] | Go, wikis | \[\[.*\]\]
{name} | Python's format | \{[A-Za-z_][\w. -]*\}
`command` | shells | `[$a-z][\w ./$()-]*`
a program's variable | Node, GitHub | =process\.env\.\w+|import\.meta\.env\.\w+|(secrets|env|vars)\.[A-Z][A-Z0-9_]*
a program's variable | Terraform, Helm | =(var|local)\.[a-z_]\w*|(data|module|random_password|(aws|google|azurerm|vault|kubernetes)_\w+)\.\w+\.\w+.*|\.Values(\.\w+)+
a call of a function | Python, Ruby, PHP, Java, Terraform, Ansible, Jenkins | (os\.|System\.|Deno\.|\$)?(get)?(env|ENV)(iron)?(\.(get|fetch))?[\[({].*[\])}]|(credentials|lookup|secret|vault|fileb?|config|decrypt|getSecret|keyvault)\(.*\)
the name of a variable | shells | =[A-Z]+(_[A-Z0-9]+)*_FROM_[A-Z]+(_[A-Z0-9]+)*
your … | documentation | =[Yy][Oo][Uu][Rr][-_ ]?(CLIENT|client|Client|APP|app|App)[-_ ]?(ID|id|Id|KEY|key|Key|SECRET|secret|Secret)[-.@_].*
the name of a variable | shells | =[A-Z]+(_[A-Z0-9]+)*_(CLIENT_ID|CLIENT_SECRET|CLIENT_KEY|APP_ID|APP_SECRET|API_KEY|API_SECRET|CONSUMER_KEY|CONSUMER_SECRET|SECRET_KEY)
a hash, not the value itself:
bcrypt | OpenBSD | \$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}
Argon2 | RFC 9106 | \$argon2(id|i|d)\$.*
crypt | crypt(5) | \$(1|5|6|y|7)\$[./A-Za-z0-9=,$]{20,}
PBKDF2 | Django, Passlib | \$?pbkdf2[-_:]?(sha\d+)?[:$].*
LDAP | RFC 2307 | \{(SSHA|SHA|SMD5|MD5|CRYPT|SSHA256|SSHA512)\}.*
hidden in the place that it was copied from:
dots | documents, tools that cut | =~\.{3}|\u2026|[*\u2022\u25cf\u2219\u00b7\u2588\u25a0\u25aa\u2592\u2591]{3}
stars | password fields | [*\u2022\u25cf\u2219\u00b7\u2588\u25a0\u25aa\u2592\u2591]+
crosses | documents | =x{3,}([-_ ]+[xyz]+)*
the word for it | logs | =~(?<![a-z])(redacted|censored)(?![a-z])
an error | a program that failed | =(fatal |unknown )?error(:.*)?|(secret |item |key |entry )?not found
a question | documents | \?+
an object | JavaScript | \[object \w+\]|\w+ object at 0x.*
crosses | documents | =~x{8}
words in brackets | Terraform, Rails, provision | \([a-z][a-z ,.'-]*\)|\[[a-z][\w ,.:'*-]*\]
"""  # noqa: E501  # a row is a form
"""A row is a form: its name, where it is documented, and its pattern, which takes linear time. The pattern is for the
whole value, or with ``~`` before it for a part of it. ``=`` stands before one that fits plain values, too; few rows are
compiled if all values are plain. The line before some rows says what they stand for."""


@cache
def forms() -> tuple[Form, ...]:
    """The table, the most certain first."""
    found: list[Form] = []
    kind = Stopgap.PLACEHOLDER
    for row in _FORMS.strip().splitlines():
        match row.split(" | ", 2):
            case [name, _, pattern]:
                plain, pattern = pattern.startswith("="), pattern.removeprefix("=")
                found.append(Form(kind, name, pattern.removeprefix("~"), plain, pattern.startswith("~")))
            case _:
                kind = Stopgap(row.removesuffix(":"))
    return tuple(found)


@cache
def _of_plain_values(*, within: bool) -> re.Pattern[str]:
    """All forms that plain values may have, as one pattern."""
    found = (form for form in forms() if form.plain and form.within is within)
    return re.compile("|".join(f"(?{'is' if form.kind in _ANY_CASE else 's'}:{form.expression})" for form in found))


def _possible(text: str) -> tuple[Form, ...]:
    """The forms that a text may have: none for nearly each plain value."""
    if not PLAIN.fullmatch(text):
        return forms()
    fits = _of_plain_values(within=False).fullmatch(text) or _of_plain_values(within=True).search(text)
    return tuple(form for form in forms() if form.plain) if fits else ()


_SETS = """
asking: your here ici hier aqui qui insert enter put paste fill replace provide specify add set type change changeit
define complete choose votre vos ton remplacez remplacer remplir renseigner renseignez completer completez saisir
saisissez entrer entrez inserer inserez mettre mettez changer changez changeme changezmoi definir definissez fournir
ihr ihre ihren dein deine deinen ersetzen ersetze eintragen einfugen einfuegen einsetzen andern aendern ausfullen
ausfuellen eingeben angeben setzen festlegen tu tus su sus vuestro reemplazar reemplace reemplaza insertar inserte
introducir introduzca cambiar cambie cambia cambiame rellenar rellene escriba escribir tuo tua vostro sostituire
sostituisci inserisci inserire cambiami compilare seu sua teu substituir substitua insira inserir mude mudar preencher
preencha troque uw jouw vervang vervangen invullen vul wijzig wijzigen invoeren twoj twoja twoje zmien zmienic wstaw
uzupelnij wpisz ваш ваша ваше твои измените изменить замените заменить введите вставьте заполнить заполните укажите
examples: example sample dummy fake placeholder exemple beispiel ejemplo esempio exemplo voorbeeld przyklad пример
platzhalter marcador segnaposto заполнитель
trials: test testing tests demo foo bar baz foobar asdf qwerty abc default unknown pending later missing blank tbc
string value lorem ipsum loremipsum undefined nan true false yes no void comingsoon secretkeyref valuefrom
nouns: id identifier identifiant secret key token password passwd value credential credentials
passe motdepasse cle mdp geheim geheimnis passwort kennwort schlussel schluessel contrasena clave secreto secreta
secrete segreto chiave senha chave segredo wachtwoord sleutel haslo klucz sekret секрет пароль ключ
clients: client app application consumer api oauth registered anwendung aplicacion applicazione aplicativo
articles: a an the this with that it me of for in to be please le la les l de du des d un une moi ceci cela mot svp
der die das den dem ein eine mich bitte el los por favor il lo o os mij een het mnie tutaj
scripts: 密钥 密码 替换 填写 占位 示例 请 您的 你的 変更 入力 秘密 あなたの シークレット パスワード 비밀 변경 입력 여기
hiding: redacted masked hidden filtered sensitive sensitivevalue obfuscated scrubbed withheld concealed suppressed
censored encrypted sealed removed notshown knownafterapply newsecret secrethidden valuehidden hiddenvalue
redactedvalue
nothing: null none nil undefined na notset unset notavailable empty noneyet objectobject
stopgaps: changeme changeit changethis replaceme replacethis fixme fillme fillmein todo tbd tba placeholder example
sample dummy clientid clientsecret clientkey appid appsecret appkey apikey apisecret consumerkey consumersecret
yourclientid yourclientsecret yourapikey yourappid yourappsecret yoursecret yourkey yourtoken yourid mysecret mykey
mypassword mytoken changezmoi remplacezmoi cambiame cambiami
"""
"""Sets of words that stand where a credential should, each after its name, in the languages of documents."""

_WORDS = {name: frozenset(words.split()) for name, words in re.findall(r"^(\w+):([^:]*)$", _SETS, flags=re.MULTILINE)}
_ASKING, _EXAMPLES, _NOUNS, _CLIENTS = (_WORDS[name] for name in ("asking", "examples", "nouns", "clients"))
_BESIDE = _NOUNS | _CLIENTS | _WORDS["articles"]

_TRIED = r"(?i)(test)+\d{0,4}"
_UNDECOMPOSED = str.maketrans("łŁøØ", "lLoO")
_IN_NO_WORDS = "|".join(_WORDS["scripts"])
_FILL_IN = r"(?i)(?<![a-z])(change|replace|fix|fill)[ _-]?(me|this|it)(?![a-z])"
_OPEN = (
    r"(?i)(to[ _-]?do|fixme|tbd|tba|to[ _-]be[ _-](filled|set|added|done|defined|replaced)([ _-]in)?|"
    r"to[ _-]be[ _-](provided|completed|announced))(?![a-z0-9])|"
    r"(0+-){2,}0+\Z|(0|-1)\Z|placeholder"
)
_WORD = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+"
_SEPARATED = r"[^\W\d_]+([ _./:'\u2019-]+[^\W\d_]+)*"
_AROUND = " \t\r\n\"'`*_-.<>()[]{}#~|"

_URL = r"(?i)[a-z][a-z0-9+.-]*://"
_OBJECT = r"(?s)\{\s*\"[^\"]*\"\s*:.*\}"
_PEM = r"(?s)\s*-----BEGIN ([A-Z ]+)-----(.*?)(-----END |\Z)"
_JWE = r"(eyJ[\w-]+)\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+"
_REFERRING = frozenset({"valuefrom", "secretkeyref", "configmapkeyref", "ref", "$ref", "$secret", "remoteref"})
_SHORTEST = 4
"""Characters of the shortest text without a letter and a digit that can be a password."""

MAX_PLACEHOLDER = 200
"""Characters of the longest text that may be words in place of a credential."""


@lru_cache(maxsize=100_000)  # each is asked about when it is checked, and when it is planned
def why_no_credential(field: str, text: str) -> str | None:
    """Why a text cannot be the credential of a field, in words that hold nothing of it; ``None`` if it can be one."""
    text = text.strip()
    if not text:
        return None  # it is missing, and not something else
    for form in _possible(text):
        if form.fits(text):
            return form.why
    if _is_jwe(text):
        return f"{Stopgap.ENCRYPTED} (JWE)"
    if (pem := re.match(_PEM, text)) and not re.search(r"[A-Za-z0-9+/=]{16}", pem[2]):
        return f"{Stopgap.HIDDEN} (a key without its content)"
    if field == "client_secret" and re.match(_URL, text):  # a konnector may have one as a part of its secret
        return f"{Stopgap.REFERENCE} (a URL)"
    if field in ("client_id", "client_secret") and re.fullmatch(_OBJECT, text):
        return f"{Stopgap.REFERENCE} (a JSON object)"
    return _why_words(field, text)


def _is_jwe(text: str) -> bool:
    """Whether a text is an encrypted token (RFC 7516): its header names a content encryption."""
    if (found := re.fullmatch(_JWE, text)) is None:
        return False
    try:
        return b'"enc"' in urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
    except ValueError:
        return False


def _why_words(field: str, text: str) -> str | None:
    """Why a text is words that stand where a credential should."""
    bare = text.strip(_AROUND)
    if not text.isascii() and len(text) <= MAX_PLACEHOLDER:
        decomposed = unicodedata.normalize("NFKD", text.translate(_UNDECOMPOSED))
        bare = "".join(char for char in decomposed if not unicodedata.combining(char)).strip(_AROUND)
    if not bare or (len(bare) < _SHORTEST and not any(map(str.isalnum, bare))):
        return f"{Stopgap.HIDDEN} (no letter and no digit)"
    if len(text) > MAX_PLACEHOLDER:
        return None
    tries = field != "client_id"  # an id may be called so
    if re.search(_FILL_IN, bare) or re.match(_OPEN, bare) or (tries and re.fullmatch(_TRIED, bare)):
        return str(Stopgap.PLACEHOLDER)
    if not re.fullmatch(_SEPARATED, bare):
        return None
    words = [word.lower() for word in re.findall(_WORD, bare)]
    given, joined = {*words}, "".join(words)
    if joined in _WORDS["hiding"]:
        return str(Stopgap.HIDDEN)
    if joined in _WORDS["nothing"] or given <= _WORDS["nothing"]:
        return f"{Stopgap.PLACEHOLDER} (the word for nothing)"
    if joined == field.replace("_", ""):
        return f"{Stopgap.PLACEHOLDER} (the name of the field)"
    known = joined in _WORDS["stopgaps"] or _ask(words) or re.search(_IN_NO_WORDS, unicodedata.normalize("NFC", bare))
    named = given & _NOUNS and given <= _NOUNS | _CLIENTS | _WORDS["trials"]  # such as password, test secret
    tried = tries and (joined in _WORDS["trials"] | _ASKING | _NOUNS or named)
    return str(Stopgap.PLACEHOLDER) if known or tried else None


def _ask(words: Sequence[str]) -> bool:
    """Whether words ask for a credential, as ``your client id``, ``à remplir`` and ``INSERT_SECRET_HERE`` do."""
    given = {*words}
    if given & _EXAMPLES:
        of_a_credential = given & _NOUNS and given <= _EXAMPLES | _ASKING | _BESIDE
        return len(given) == 1 or "placeholder" in given or bool(of_a_credential)
    if words[0] in ("my", "our") and words[-1] in ("secret", "key"):
        return given - {"my", "our"} <= _BESIDE
    asked = (given & _NOUNS and given & _CLIENTS) or (given & _ASKING and len(given) > 1)
    return bool(asked) and given <= _ASKING | _BESIDE


_INVISIBLE = {"\n": "a line break", "\r": "a line break", " ": "a space", "\t": "a tab", "\ufeff": "a byte order mark"}
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "\u2018": "\u2019", "«": "»", "„": "“"}


def padding(value: str) -> str:
    """What stands around a value and does not belong to it; empty for nothing."""
    ends = [
        f"{verb} with {_INVISIBLE.get(char, f'an invisible character (U+{ord(char):04X})')}"
        for verb, char in zip(("starts", "ends"), (*value[:1], *value[-1:]), strict=False)
        if not _is_visible(char)
    ]
    if ends:
        return " and ".join(ends) if any(map(_is_visible, value)) else "is only white space"
    return "has quotes around it" if len(value) > 1 and _QUOTES.get(value[0]) == value[-1] else ""


def _is_visible(char: str) -> bool:
    return char.isprintable() and not char.isspace()


def no_credentials(document: Document, fields: tuple[str, ...] = CREDENTIAL_FIELDS) -> Iterator[tuple[Keys, str]]:
    """What cannot be a credential in a document: where it stands, and why.

    It looks at `fields`, and at the parameters in ``extras`` whose keys say that they are secret.
    """
    for name in fields:
        value = document.get(name)
        if isinstance(value, Unfit):
            yield (name,), value.why
        elif value is not None:
            plain = revealed(value)
            yield from _in(plain, (name,), meant=name != "fcm_credentials" or not isinstance(plain, dict))
    extras = document.get("extras")
    for key, item in extras.items() if isinstance(extras, dict) else ():
        if isinstance(item, str) and is_secret_key(key) and (why := why_no_credential(key, item)):
            yield ("extras", key), why


def _in(value: Json, path: Keys, *, meant: bool) -> Iterator[tuple[Keys, str]]:
    """The same in one value; `meant`: a credential is meant to stand there."""
    match value:
        case str() if meant:
            if why := why_no_credential(path[-1], value):
                yield path, why
        case str():
            text = value.strip()
            if form := next((form for form in _possible(text) if form.kind in _ANYWHERE and form.fits(text)), None):
                yield path, form.why
        case {"secret": True, **rest} if not rest:
            yield path, f"{Stopgap.HIDDEN} (as provision shows it)"
        case dict():
            only = next(iter(value)).lower() if len(value) == 1 else ""
            if only in _REFERRING or only.startswith("fn::"):
                yield path, f"{Stopgap.REFERENCE} (an object that names where it is)"
                return
            for key, item in value.items():
                yield from _in(item, (*path, key), meant=is_secret_key(key) or key == "client_id")
        case list():
            for item in value:
                yield from _in(item, path, meant=meant)
        case _:
            pass
