"""The table of forms that no credential has: each with its name, where it is documented, and its pattern.

A pattern is for the whole value, or with ``~`` before it for a part of it. Each is linear.
"""

REFERENCES = r"""
1Password | developer.1password.com/docs/cli/secret-reference-syntax | op://.*
vals | github.com/helmfile/vals | (secret)?ref\+[a-z0-9+.-]+:.*
HashiCorp Vault | bank-vaults.dev/docs/mutating-webhook | (>>)?(hashi)?vault[:+].*
OpenBao | openbao.org/docs | (open)?bao(:|://).*
AWS KMS, Google KMS | getsops.io | (aws|gcp|hc|azure)?[-_]?kms:.*
a reader of properties | WildFly, Spring Vault | \{(vault|secret|keystore|credential)\}.*
HashiCorp Vault | developer.hashicorp.com/vault/docs/secrets/kv | (secret|kv)/data/[\w/.-]+([#:].*)?
AWS | docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html | arn:aws[a-z-]*:[a-z0-9-]+:.*
AWS Secrets Manager | docs.awspring.io/spring-cloud-aws | (aws-?)?(secretsmanager|secrets-manager)(:|@|://).*|sm(@|://).*
AWS Parameter Store | github.com/helmfile/vals | (aws-?)?(ssm|parameterstore|ssm-secure|ssm-parameter)(:|://).*|(aws)?ps://.*
Google Secret Manager | cloud.google.com/secret-manager/docs | (//[\w.]+/)?projects/[^/\s]+/(locations/[^/\s]+/)?secrets/.*
Google Secret Manager | cloud.google.com/secret-manager/docs | https://secretmanager\.[\w.]*googleapis\.com/.*
Google Secret Manager | external-secrets.io | (gcp|gcpsm|gcp-?secret-?manager|gcpsecretmanager|gsm|berglas)(:|://).*
Azure App Service | learn.microsoft.com/azure/app-service/app-service-key-vault-references | @microsoft\.(keyvault|appconfiguration)\(.*
Azure Key Vault | learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates | https://[\w.-]+\.(vault|managedhsm)\.(azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de)(:\d+)?/.*
Azure Key Vault | github.com/helmfile/vals | (azure-?)?(keyvault|key-vault|akv|azkv)(:|://|\().*
Doppler | docs.doppler.com | doppler(:|://).*
Bitwarden | bitwarden.com/help/secrets-manager-cli | (bw|bws|bitwarden)(:|://).*
Infisical | infisical.com/docs | infisical(:|://).*
a secret store | their documentation | (pass|gopass|lpass|lastpass|keepass|keepassxc|keeper|dl|dashlane|protonpass|keychain|keyring|secret-service|libsecret|akeyless|conjur|chamber|teller|psono|passbolt|delinea|thycotic)://.*
a secret store | their documentation | (keepass|keepassxc|keeper|lastpass|dashlane|keychain|keyring|akeyless|conjur|chamber):.*
Kubernetes | kubernetes.io/docs/concepts/configuration/secret | (k8s|kubernetes|secretref|secretkeyref|valuefrom)(:|://).*
the environment | docs of PowerShell and of 12-factor loaders | (env|environ|envvar)(:|://)[\w.-]+|\$env:\w+
a file | docs.docker.com/compose/how-tos/use-secrets | (file|secret|secrets|secretfile|kms|awskms|gcpkms)://.*|(/var)?/run/secrets/[\w./-]+|@file:.*
sops | getsops.io | sops(:|://|\+).*
a YAML tag | docs of Ansible, Home Assistant, CloudFormation, Summon | !(vault|vault-encrypted|secret|secrets|env|var|variable|ref|sub|getatt|include|file|op|sops|encrypted)([/:][\w-]+)*(\s.*)?
"""  # noqa: E501  # a row is a form
"""Names of secrets in a store, which a program should have read."""

ENCRYPTED = r"""
sops or eyaml | getsops.io, github.com/voxpupuli/hiera-eyaml | \s*ENC\[.*
ejson | github.com/Shopify/ejson | EJ\[\d:.*
eyaml | github.com/voxpupuli/hiera-eyaml | DEC(\(\d+\))?::[A-Z0-9]+\[.*
Jasypt | github.com/ulisesbocchio/jasypt-spring-boot | ENC\(.*
Spring Cloud Config | docs.spring.io/spring-cloud-config | \{cipher\}.*
Ansible Vault | docs.ansible.com/ansible/latest/vault_guide | \s*\$ANSIBLE_VAULT;.*
age | age-encryption.org/v1 | \s*-----BEGIN AGE ENCRYPTED FILE-----.*|age-encryption\.org/v\d.*|YWdlLWVuY3J5cHRpb24ub3Jn.*
age | a key of age itself | AGE-SECRET-KEY-1.*|age1[02-9ac-hj-np-z]{50,}
PGP | RFC 9580 | \s*-----BEGIN PGP [A-Z ]+-----.*
PKCS #7 | RFC 7468 | \s*-----BEGIN (PKCS7|CMS)-----.*
OpenSSL | docs.openssl.org/master/man1/openssl-enc | U2FsdGVkX1.*
AWS KMS | docs.aws.amazon.com/kms | AQICAH[A-Za-z0-9+/]{100}.*
a sealed secret | github.com/bitnami-labs/sealed-secrets | Ag[A-D][A-Za-z0-9+/]{680}.*
dotenvx | dotenvx.com/docs | encrypted:B[A-Za-z0-9+/]{20}.*
Windows DPAPI | ConvertFrom-SecureString | 01000000d08c9ddf0115d1118c7a00c04fc297eb.*
git-crypt | github.com/AGWA/git-crypt | \x00GITCRYPT\x00.*
"""  # noqa: E501  # a row is a form

TEMPLATES = r"""
${…} | shells, Compose, Terraform | \$\{.*\}
${…} | the same as a part | ~\$\{\{?[A-Za-z_ ][\w.: -]*\}
{{…}} | Jinja, Helm, GitHub, CloudFormation | ~\{\{[^{}]*\}\}
{{…}} | Jinja | \{\{.*\}\}|\{%.*%\}
$(…) | shells | \$\(.*\)
$(…) | Azure Pipelines, Kubernetes | ~\$\([A-Za-z_][\w.-]*\)
$[…] | Azure Pipelines | \$\[.*\]
$NAME | shells | \$[A-Za-z]+(_[A-Za-z]+)+\$?|\$\$?[A-Z]{2,}\$?
%NAME% | Windows, Symfony, Python | %[A-Za-z_][\w.-]*(\([\w.:-]+\))?%|%\([\w.-]+\)s
__NAME__ | replacetokens | __[A-Za-z]+([_-]+[A-Za-z0-9]+)*__|#\{?__.*__\}?#
<…> | documentation | <[^<>]*>|<<.*>>|&lt;.*&gt;|«.*»
<…> | documentation | \u2039.*\u203a
<%…%> | ERB, EJS | <%.*%>
#{…} | Ruby, Octopus, replacetokens | #\{.*\}#?
@@NAME@@ | Maven, CMake, autoconf | @@?[A-Za-z]+([_.-][A-Za-z0-9]+)*@@?
((name)) | Concourse | \(\(.*\)\)
[[name]] | Go, wikis | \[\[.*\]\]
{name} | Python's format | \{[A-Za-z_][\w. -]*\}
a program's variable | Node, GitHub, Terraform | (process\.env|import\.meta\.env|secrets|env|vars)\.[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|(var|local|data|module)\.[a-z]+(_[a-z]+)+
a call of a function | Python, PHP, Terraform, Ansible | (os\.)?(get)?env(iron)?[\[(].*[\])]|(lookup|secret|vault|fileb?|config|decrypt|getSecret|keyvault)\(.*\)
the name of a variable | shells | [A-Z]+(_[A-Z0-9]+)*_FROM_[A-Z]+(_[A-Z0-9]+)*
your … | documentation | [Yy][Oo][Uu][Rr][-_ ]?(CLIENT|client|Client|APP|app|App)[-_ ]?(ID|id|Id|KEY|key|Key|SECRET|secret|Secret)[-.@_].*
the name of a variable | shells | [A-Z]+(_[A-Z0-9]+)*_(CLIENT_ID|CLIENT_SECRET|CLIENT_KEY|APP_ID|APP_SECRET|API_KEY|API_SECRET|CONSUMER_KEY|CONSUMER_SECRET|SECRET_KEY)
"""  # noqa: E501  # a row is a form

HASHES = r"""
bcrypt | OpenBSD | \$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}
Argon2 | RFC 9106 | \$argon2(id|i|d)\$.*
crypt | crypt(5) | \$(1|5|6|y|7)\$[./A-Za-z0-9=,$]{20,}
PBKDF2 | Django, Passlib | \$?pbkdf2[-_:]?(sha\d+)?[:$].*
LDAP | RFC 2307 | \{(SSHA|SHA|SMD5|MD5|CRYPT|SSHA256|SSHA512)\}.*
"""  # a row is a form

HIDDEN = r"""
dots | documents, tools that cut | ~\.{3}|\u2026|[*\u2022\u25cf\u2219\u00b7\u2588\u25a0\u25aa\u2592\u2591]{3}
stars | password fields | [*\u2022\u25cf\u2219\u00b7\u2588\u25a0\u25aa\u2592\u2591]+
crosses | documents | x{3,}([-_ ]+x+)*
crosses | documents | ~x{8}
words in brackets | Terraform, Rails, provision | \([a-z][a-z ,.'-]*\)|\[[a-z][\w ,.:'*-]*\]
"""  # a row is a form
"""What password fields, logs and other tools show in place of a secret."""
