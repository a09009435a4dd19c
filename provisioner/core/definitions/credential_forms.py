"""The forms that no credential has, and the words that stand where one should: two tables.

A row of `FORMS` is a form: its name, where it is documented, and its pattern. The pattern is for the whole value, or
with ``~`` before it for a part of it. Each is linear. ``=`` stands before one that fits plain values, too: those of
ASCII letters, digits, and ``._+/=-`` alone. Few rows are compiled if all values are. The line before some rows says
what they stand for. `WORDS` has sets of words, each after its name and in the languages of documents.
"""

FORMS = r"""
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

WORDS = """
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
