"""Values of credentials: in the shapes that providers document, all invented, and what stands in their place."""

import base64
import json

HEX = "9f86d081884c7d659a2feaa0c55ad015"
LONG = "a3f5c9E1b7D2x8K4m6Q0z9W1v3T5r7Y2u4I6o8P0"
BASE64 = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n"


def _jwt(header: dict[str, str], *parts: str) -> str:
    return ".".join([base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("="), *parts])


REAL = (
    # Google: client ids, client secrets, API keys
    *("1234567890-abc123def456ghi789.apps.googleusercontent.com", "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", "GOCSPX--_x9Yz"),
    *("AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "d-FL95Q19q7MQmFpd7hHD0Ty", "com.googleusercontent.apps.123-abc"),
    # Microsoft Entra: GUID, secrets with ~ . _ -
    *("00001111-aaaa-2222-bbbb-3333cccc4444", "8Q~8Q~aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "A1b8Q~_x.Y-zABCdefGHIjklMNOpqrSTUvwx"),
    *("~.3_aBcD-EfGh~IjKl.MnOp_QrSt-UvWx", "qWgdYAmab0YSkuL1qKv5bPX", "1~2.3-4_5"),
    # Amazon: LwA, IAM
    *("amzn1.application-oa2-client.0123456789abcdef0123456789abcdef", "amzn1.oa2-cs.v1." + HEX, "AKIAI44QH8DHBEXMPL3A"),
    *("wJalrXUtnFEMI/K7MDENG/bPxRfiCYzXcVbNmKlP", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", "a+b/c+d/e+f/1234567890+/=="),
    # GitHub, GitLab, Bitbucket
    *("Iv1.8a61f9b3a7aba766", "Iv23liAbCdEfGhIjKlMn", "Ov23liAbCdEfGhIjKlMn", HEX + "01234567", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    *("gloas-" + HEX * 2, "glpat-AbCdEfGhIjKlMnOpQrSt", "kD5w8QeGJ3fGm2nN2Z", "ATOA" + LONG, "ATATT3xFfGF0" + LONG + "=1A2B3C4D"),
    # Spotify, Deezer, Twitch, Discord
    *(HEX, "5fe01282e44241328a84e7c5cc169165", "gp762nuuoqcoxypju8c569th9wz7q5", "80351110224678912", "nKEmY-uVQBzZrV8Yc7zH3L9w_2dS1aFt"),
    # Facebook, Instagram, X, LinkedIn, Pinterest, Reddit, TikTok, Snap
    *("1234567890123456", HEX[:32], "xvz1evFS4wEEPTGEFPHBog", "L8qq9PZyRg6ieKGEKhZolGC0vJWLw8iEJ88DRdyOg"),
    *("bXlDbGllbnQ6MTpjaQ-_AAAAxyz", "WPL_AP1.AbCdEfGhIjKlMnOp.q1w2e3==", "77abc12def34gh", "p-jcoLKBynTLew", "gko_LXELoV07ZBNUXrvWZfzE3aI"),
    *("awx1y2z3a4b5c6d7", "A1b2C3~", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    # Slack, Notion, Linear, Figma, Asana, Dropbox, Box
    *("4336563567.2983462745", "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx", "secret_" + LONG, "lin_api_" + LONG),
    *("lin_oauth_" + HEX, "figd_" + LONG, "ntn_" + LONG, "1201234567890123", "4f9c2k7d1m8q0zt", "x4h2l9s7q1w8e3r", "sl.u.AbCd-" + LONG),
    # Stripe, PayPal, Square, Shopify
    *("ca_AbCdEfGhIjKlMnOpQrStUvWxYz123456", "sk_live_51H8abcDEFghiJKLmnoPQRstu", "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "whsec_" + LONG),
    *("AZDxjDScFpQtjWTOUtWKbyN_bDt4OgqaF4eYXlewfBP4-8aqX3PiV8e1GWU6liB2CUXlkA59kJXE7M6R", "sq0idp-AbCdEfGhIjKlMnOpQrStUv"),
    *("sq0csp-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCd", "shpss_" + HEX, "shpat_" + HEX),
    # Salesforce, HubSpot, Zoho, Xero, Intuit, Zoom, Webex, Zendesk
    *("3MVG9IHf89I1t8hrvswazsWedXWY0iqK20PSFaInvUgLFB6vrcb9bbWFTSIHpO8G", "1234567890123456789", "1000.A1B2C3D4E5F6G7H8I9J0K1L2M3N4O5"),
    *("ABAbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "C" + HEX + "AbCd", "kEFomBWqR_aTqvXP3pX9w", "zdg-oauth-ABC123"),
    # Strava, Fitbit, Withings, Garmin, Polar, Oura, Whoop
    *("12345", "23ABCD", HEX * 2, "d7c9f0a1-2b3c-4d5e-8f90-a1b2c3d4e5f6", "KHGYT3ZXKSVJUQWERTY"),
    # French ones: Enedis, Orange, GRDF, DGFiP, MAIF, banks by Budget Insight
    *("AbCdEfGhIjKlMnOpQrStUvWxYz01", "NzY1NDMyMTA5ODc2NTQzMg==", "SMARTBANK-PSP-2024", "cozy.maif.prod", "CozyCloud", "cozy-drive"),
    # Auth0, Okta, Keycloak, Dex, Ory: names that people give, and random text
    *("0oa1b2c3d4E5f6G7h8i9", "cozy-stack", "my-client", "my-app-id", "account", "portal_prod", "urn:cozy:client:1", "https://client.example/id"),
    *("YmF6-Qux_~.", "Ln3kW9-_pQ.r~sT", "ory_cs_AbCd1234", "tokenizer"),
    # Base64, with = + /, Base64url, JWT-like and Apple's client secret
    *(BASE64, BASE64.replace("+", "-").replace("/", "_"), "AAAA" + BASE64, "/w==", "+/+/1A=="),
    *(_jwt({"alg": "ES256", "kid": "ABC123DEFG"}, "eyJpc3MiOiJERUYxMjNHSElKIn0", LONG), _jwt({"alg": "HS256"}, "e30", "x-1_2")),
    # Passwords of generators, with every odd character
    *("p@$$w0rd!", "a$b", "$abc1234", "100%sure%", "<3you", "a<b>c", "{x", "x}", "(a1)", "[1]2", "50%", "#1{a", "a#b", "@home9", "%41bc"),
    *("q`w'e\"r", "a\\b\\c", "^&*()_+", "-=[];',./", "~!@#$%^&*()", "a b c 1", "_a_1_", "a__b__1", "1**2", "..a1", "$1$2", "x..y", "xx1"),
    *("app", "client", "web", "portal", "staging", "latest", "password-manager-1", "todoist", "ENCODED1", "xxh64sum", "$3cr3t", "é1ève"),
    *("todo1", "exampl3", "nullable", "nonempty1", "changes", "secretary", "sesame", "correct horse battery staple", "Tr0ub4dor&3"),
    # Keys of Firebase and of others
    f"-----BEGIN PRIVATE KEY-----\n{PEM_BODY}-----END PRIVATE KEY-----\n",
    f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{PEM_BODY}-----END RSA PRIVATE KEY-----",
    f"-----BEGIN EC PRIVATE KEY-----\r\n{PEM_BODY}-----END EC PRIVATE KEY-----\r\n",
    "firebase-adminsdk-ab1cd@project-id.iam.gserviceaccount.com",
    "AAAAabcdefg:APA91bH" + LONG,
)  # fmt: skip

REFERENCES = (
    *("openbao:secret/google", "kms:alias/google", "awskms:key/1", "{vault}google"),
    *("op://vault/item/field", "OP://Private/Google/client secret", "ref+vault://secret/google#/client_secret", "ref+awsssm://a/b"),
    *("secretref+gcpsecrets://p/s", "vault:secret/data/google#client_secret", "vault://kv/google", "hashivault://k", ">>vault:secret/data/a#b"),
    *("secret/data/google#client_secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:google-AbCdEf"),
    *("arn:aws:ssm:eu-west-1:123456789012:parameter/google", "arn:aws-cn:secretsmanager:cn-north-1:1:secret:a", "awssm://google"),
    *("aws-secretsmanager:google", "ssm:/prod/google", "ssm://prod/google", "sm://project/google", "sm@google", "aws-ssm:a"),
    *("projects/123/secrets/google/versions/latest", "projects/p/locations/eu/secrets/g", "gcp:///projects/p/secrets/google", "gcp://a"),
    *("//secretmanager.googleapis.com/projects/p/secrets/s", "https://secretmanager.googleapis.com/v1/projects/p/secrets/s", "gcpsm://a"),
    *("@Microsoft.KeyVault(SecretUri=https://a.vault.azure.net/secrets/b/)", "@Microsoft.KeyVault(VaultName=a;SecretName=b)"),
    *("https://myvault.vault.azure.net/secrets/google/0123abc", "https://myvault.vault.azure.cn:443/secrets/google", "keyvault:google"),
    *("azurekeyvault://v/google", "azure-key-vault:google", "keyvault://v/g", "akv:google", "https://a.managedhsm.azure.net/keys/b"),
    *("doppler://p/c/NAME", "doppler:NAME", "bitwarden://id", "bws:id", "bw://item", "infisical://env/NAME", "infisical:NAME", "pass://v/i/f"),
    *("keepass:google/secret", "keyring:google", "akeyless:/g/s", "conjur://a", "chamber://a", "berglas://bucket/google", "dl://item"),
    *("k8s://ns/secret/key", "secretKeyRef:google", "env:GOOGLE_SECRET", "env://GOOGLE_SECRET", "$env:GOOGLE", "file:///run/secrets/google"),
    *("/run/secrets/google_client_secret", "/var/run/secrets/a", "secret://google", "awskms://a", "sops:a", "sops://a"),
    *("!vault |", "!vault", "!secret google", "!env NAME", "!var path/x", "!Ref Google", "!Sub '${A}'", "!encrypted/pkcs1-oaep abc"),
    *("mystore://a/b/c", "https://vault.example/v1/secret/data/google", "s3://bucket/google", "aws:ssm:/google", "secret/google#id"),
    *("pass:google/secret", "gopass show google", "bw get password google", "op read google", "1password:google", "pulumi:google"),
    *("file:/run/secrets/google", "@/run/secrets/google", "@secret.txt", '{"client_id": "a", "client_secret": "b"}', "fromEnv:GOOGLE"),
)  # fmt: skip

TEMPLATES = (
    *("SECRET_FROM_VAULT", "YOUR-CLIENT-ID.apps.googleusercontent.com", "your-app-id.example"),
    *("${GOOGLE_SECRET}", "${GOOGLE_SECRET:-}", "${var.google}", "${{ secrets.GOOGLE }}", "a-${GOOGLE}-b", "${}", "$(GOOGLE)", "$(cat a)"),
    *("{{ .Values.secret }}", "{{client}}", "{{ op://v/i/f }}", "{{resolve:secretsmanager:google}}", "x{{y}}z", "{{{name}}}", "{% x %}"),
    *("%GOOGLE_SECRET%", "%env(GOOGLE_SECRET)%", "%(secret)s", "__GOOGLE_SECRET__", "__ClientSecret__", "#{GOOGLE}#", "#{secret}"),
    *("<your client id>", "<secret>", "<%= secret %>", "<<secret>>", "&lt;secret&gt;", "«secret»", "@@NAME@@", "@NAME@", "@client.secret@"),
    *("((google-secret))", "[[secret]]", "{client_secret}", "$GOOGLE_SECRET", "$[variables.a]", "$client_secret", "$SECRET"),
    *("process.env.CLIENT_SECRET", "secrets.GOOGLE_SECRET", "var.client_secret", "os.environ['SECRET']", 'os.environ["A"]', "getenv('A')"),
    *("%{SECRET}", "%%SECRET%%", "%!s(<nil>)", "!SECRET!", "`cat secret`", "process.env.SECRET", "env.SECRET", "secrets.GOOGLE"),
    *("var.secret", ".Values.secret", "random_password.a.result", "data.vault_generic_secret.a.data", "aws_ssm_parameter.a.value"),
    *("ENV['A']", "ENV.fetch('A')", 'System.getenv("A")', "$ENV{A}", "credentials('google')"),
    *("env('A')", "lookup('env', 'A')", "GOOGLE_CLIENT_SECRET", "ACCOUNT_TYPE_GOOGLE_CLIENT_ID"),
)  # fmt: skip

ENCRYPTED = (
    *("ENC[AES256_GCM,data:Zm9v,iv:YQ==,tag:Yg==,type:str]", "ENC[PKCS7,MIIB]", "ENC(abc)", "EJ[1:WGj2t4=:x:y]", "DEC::GPG[x]!", "DEC(1)::PKCS7[x]!", "{cipher}AQB", "$ANSIBLE_VAULT;1.1;AES256\n6162"),
    *("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----", "age-encryption.org/v1\n-> X25519 a", "YWdlLWVuY3J5cHRpb24ub3JnL3Yx"),
    *("AGE-SECRET-KEY-1QQQ", "-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----", "-----BEGIN PKCS7-----\nMIIB", "U2FsdGVkX1+abc"),
    *("{aes}abc", "{xor}PSs=", "{AES-256}abc", "enc:v1:abc", "ENC:abc", "encrypted:abc", "secure: abc", "ENCRYPTED[abc]"),
    *("AQICAH" + "a1B2" * 30, "AgA" + "a1B2" * 200, "encrypted:B" + "a1B2" * 9, "01000000d08c9ddf0115d1118c7a00c04fc297eb0100"),
    *(_jwt({"alg": "dir", "enc": "A256GCM"}, "", "iv1", "text2", "tag3"), _jwt({"alg": "RSA-OAEP", "enc": "A128GCM"}, "k", "i", "c", "t")),
    *("$2b$12$" + "a1B2" * 13 + "c", "$argon2id$v=19$m=65536$a$b", "pbkdf2_sha256$600000$a$b=", "{SSHA}abc", "$6$rounds=5000$saltsalt$" + "a1B2" * 10),
)  # fmt: skip

HIDDEN = (
    *("##REDACTED##", "~redacted~", "redacted-secret", "REDACTED_BY_X", "xxx-yyy-zzz", "?", "???", "[object Object]", "sealed", ";"),
    *("error", "Error: no such item", "not found", "<secret object at 0x7f01>"),
    *("...", "…", "***", "*", "********", "•••", "●●●●", "xxx", "XXXX", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "x" * 40, "xxx-xxx"),
    *("[REDACTED]", "REDACTED", "<redacted>", "(secret)", "(sensitive value)", "(sensitive)", "<sensitive>", "masked", "[Filtered]"),
    *("[FILTERED]", "hidden", "(hidden)", "(new secret)", "(known after apply)", "**REDACTED**", "--redacted--", "__redacted__", "<concealed>"),
    *("GOCSPX-****", "****1a2b", "abc...xyz", "abcdef…", "GOCSPX-xxxxxxxxxxxx", "8Q~•••", "---", "___", "[secret]", "value hidden"),
    *("-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----"),
    *("-----BEGIN PRIVATE KEY-----", "client-secret-redacted"),
)  # fmt: skip

PLACEHOLDERS = (
    *("password", "secret", "Secret", "test", "testing", "test123", "test_secret", "foobar", "asdf", "demo", "NaN", "false", "value"),
    *("undefined undefined", "None", "0", "to be provided", "placeholder123", "mysecret", "comingSoon", "unknown", "secretKeyRef"),
    *("votre_client_id", "VOTRE-CLE", "à remplir", "à compléter", "remplacez-moi", "changez moi", "mot de passe", "exemple"),
    *("IHR_CLIENT_SECRET", "dein-geheimnis", "bitte ändern", "hier einfügen", "Platzhalter", "Passwort", "Beispiel"),
    *("tu clave aquí", "SU_CLIENT_ID", "contraseña", "cámbiame", "ejemplo", "il tuo segreto", "inserisci qui", "segnaposto"),
    *("sua chave", "exemplo", "uw-client-id", "voorbeeld", "twój klucz", "zmień mnie", "przykład", "hasło"),
    *("ваш секрет", "пароль", "заполнить", "你的密钥", "请替换", "変更してください", "シークレット", "비밀번호"),
    *("my-client-secret", "my_secret", "our api key", "to be filled", "to-be-set"),
    *("changeme", "CHANGEME", "change-me", "change_me", "Change Me!", "changeme123", "please-change-me", "replace_me", "replace-this", "fixme"),
    *("YOUR_CLIENT_ID", "your-client-secret", "yourClientSecret", "YOURCLIENTSECRET", "your secret here", "YOUR_API_KEY", "Your Secret"),
    *("the registered client id", "the client secret", "the application key", "insert client secret here", "ENTER_SECRET_HERE", "put_key_here"),
    *("todo", "TODO", "TODO: ask the provider", "to-do", "tbd", "TBA", "placeholder", "client-secret-placeholder", "example", "EXAMPLE_SECRET"),
    *("client_secret", "clientSecret", "CLIENT-SECRET", "client secret", "api_key", "app-secret", "consumer_key", "dummy", "fake-secret"),
    *("null", "NULL", "none", "None", "undefined", "nil", "n/a", "N/A", '"null"', "not set", "<none>", "(none)", "secret here"),
    *("00000000-0000-0000-0000-000000000000", "replace with the secret", "add_your_secret"),
)  # fmt: skip
