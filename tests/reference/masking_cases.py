"""Cases of masking, written for this project: what must be found, and what must be left alone."""

from __future__ import annotations

#: kind -> values; test numbers only (documented test cards, example domains and addresses).
VALUES: dict[str, list[str]] = {
    "EMAIL": [
        "bob@example.com", "Alice.Smith+tag@mail.example.co.uk", "a@b.io", "x_y-z@sub-domain.org",
        "täglich@bücher.example", "ops@xn--bcher-kva.example", "first.last@example.museum",
        "UPPER@EXAMPLE.ORG", "1234567890@example.net", "bob%40example.com",
    ],
    "CARD": [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "5500000000000004",
        "5500 0000 0000 0004", "378282246310005", "3782 822463 10005", "6011111111111117",
        "30569309025904", "3530111333300000", "4222222222222", "2223003122003222",
    ],
    "IBAN": [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19",
        "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NL91 ABNA 0417 1643 00",
        "CH9300762011623852957", "NO9386011117947", "ES91 2100 0418 4502 0005 1332",
    ],
    "TOKEN": [
        "AKIAIOSFODNN7EXAMPLE", "ASIAABCDEFGHIJKLMNOP", "sk_" "live_abcdefghijklmnop1234",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "xox" "b-123456789012-abcdefghij",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv", "glpat-abcdefghij1234567890",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0T",
        "npm_abcdefghijklmnopqrstuvwxyz0123456789", "hvs.CAESIJabcdefghijklmnop",
    ],
    "PHONE": ["+1 555 123 4567", "+49 30 1234567", "+44 (20) 7946-0958", "(555) 123-4567"],
    "IP": [
        "10.1.2.3", "192.168.100.200", "255.255.255.255", "2001:db8::1", "::1",
        "fe80::dead:beef", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.1",
    ],
}  # fmt: skip

#: {} is the value; what stands around it must stay.
CONTEXTS = [
    "{}",
    "user {} logged in",
    "value={}, next=1",
    '{{"field": "{}"}}',
    "[{}]",
    "<{}>",
    "({})",
    "seen {}.",
    "a,{},b",
    "täglich {} · end",
]

#: text -> expected, with every rule on.
PAIRS: list[tuple[str, str]] = [
    ("password=hunter2", "password=<PASSWORD>"),
    ("password = hunter2 x", "password = <PASSWORD> x"),
    ("PASSWORD: hunter2", "PASSWORD: <PASSWORD>"),
    ("db.password=a&b=1", "db.password=<PASSWORD>&b=1"),
    ("dbPassword=x1", "dbPassword=<PASSWORD>"),
    ("user_passwd='a b'", "user_passwd='<PASSWORD>'"),
    ('"passphrase": "correct horse"', '"passphrase": "<PASSWORD>"'),
    (r"{\"password\":\"abc\"}", r"{\"password\":\"<PASSWORD>\"}"),
    ("pwd=x; uid=1", "pwd=<PASSWORD>; uid=1"),
    ("client_secret=abc", "client_secret=<PASSWORD>"),
    ("credentials: root:toor", "credentials: <PASSWORD>"),
    ("password=p(a)ss", "password=<PASSWORD>"),
    ("(password=abc)", "(password=<PASSWORD>)"),
    ("password => 'x'", "password => '<PASSWORD>'"),
    ("access_token=abc&x=1", "access_token=<TOKEN>&x=1"),
    ("accessToken: abc", "accessToken: <TOKEN>"),
    ("api_key=abc api-key: d", "api_key=<TOKEN> api-key: <TOKEN>"),
    ("X-API-Key: abc", "X-API-Key: <TOKEN>"),
    ("aws_secret_access_key=abc/def+g=", "aws_secret_access_key=<TOKEN>"),
    ("private_key=abc", "private_key=<TOKEN>"),
    ("Authorization: Bearer abc.def", "Authorization: Bearer <TOKEN>"),
    ("authorization: Basic dXNlcjpwYXNz==", "authorization: Basic <TOKEN>"),
    ('"authorization":"Bearer abc"', '"authorization":"<TOKEN>"'),
    ("sent Bearer abcdefgh12345678/+~x== ok", "sent Bearer <TOKEN> ok"),
    ("https://bob:pw@example.com/x", "https://bob:<PASSWORD>@example.com/x"),
    ("postgresql://app:p@ss@db/x", "postgresql://app:<PASSWORD>@db/x"),
    ("redis://:secret@cache:6379", "redis://:<PASSWORD>@cache:6379"),
    ("/login?token=abc&next=/", "/login?token=<TOKEN>&next=/"),
    ("a@b.com,c@d.org;e@f.net", "<EMAIL>,<EMAIL>;<EMAIL>"),
    ("mailto:bob@example.com", "mailto:<EMAIL>"),
    ("bob@example.com@example.org", "<EMAIL>@example.org"),
    ("4111111111111111 5500000000000004", "<CARD> <CARD>"),
    ("5 4111 1111 1111 1111", "5 <CARD>"),
    ("password=x1 4111 1111 1111 1111", "password=<PASSWORD> <CARD>"),
    ("10.1.2.3 4111111111111111", "<IP> <CARD>"),
    ("+49 30 1234567 10.1.2.3 x", "<PHONE> <IP> x"),
    ("+1.555.123.4567.", "<PHONE>."),
    ("peer [2001:db8::1]:443", "peer [<IP>]:443"),
    ("10.0.0.1:8080->10.0.0.2:9", "<IP>:8080-><IP>:9"),
    ("host/10.0.0.1 and /10.0.0.2", "host/<IP> and /<IP>"),
    ("http://10.0.0.1/a", "http://<IP>/a"),
    ("fe80::1%eth0", "<IP>%eth0"),
]

#: The same for values that touch: none may save another. Their templates need not survive.
GLUED: list[tuple[str, str]] = [
    ("inet6 addr:fe80::1:", "inet6 addr:<IP>:"),
    ("password=hunter24111111111111111 5500000000000004", "password=<PASSWORD> <CARD>"),
    ("password=hunter2 4111111111111111", "password=<PASSWORD> <CARD>"),
    ("AKIAIOSFODNN7EXAMPLE4111111111111111 5500000000000004", "<TOKEN> <CARD>"),
    ("00:11:22:33:44:55::ffff:192.0.2.1", "<IP>:<IP>"),
    ("2001:db8::1:AKIAIOSFODNN7EXAMPLE", "<IP>:<TOKEN>"),
    ("AKIAIOSFODNN7EXAMPLE.4111111111111111", "<TOKEN>.<CARD>"),
    ("DE89370400440532013000.4111111111111111", "<IBAN>.<CARD>"),
    ("bob@example.com.10.1.2.3", "<EMAIL>.<IP>"),
    ("logs-AKIAIOSFODNN7EXAMPLE.txt", "logs-<TOKEN>.txt"),
    ("a@b.io-AKIAIOSFODNN7EXAMPLE", "<EMAIL>-<TOKEN>"),
    ("a@b.io- a@b.io-1 a@b.c-d.org", "<EMAIL>- <EMAIL>-1 <EMAIL>"),
    ("token-hvs.CAESIJabcdefghijklmnop", "token-<TOKEN>"),
    ("4111111111111111-AKIAIOSFODNN7EXAMPLE", "<CARD>-<TOKEN>"),
]

#: Left alone, with every rule on.
NEGATIVES: list[str] = [
    "", " ", "plain text", "foo@bar", "@Override", "a @ b", "user@localhost", "x@y.1", "@a.bc",
    "decorator @app.route", "git@", "@@ -1,3 +1,4 @@", "bob at example.com", "5@6", "a.@b.cd",
    "4111111111111112", "1762000000000000", "1234567890123456", "4111 1111 1111 1112",
    "41111111111111111111", "a4111111111111111", "4111111111111111b", "0.4111111111111111",
    "4111-1111 1111-1111", "2025-11-02 03:04:05", "1762000000123", "id 0000000000000000",
    "550e8400-e29b-41d4-a716-446655440000", "blk_-1608999687919862906",
    "DE89370400440532013001", "GB29 NWBK 6016 1331 9268 18", "AB12CD34EF", "XX00",
    "HTTP1234567890ABCDEF", "aDE89370400440532013000",
    "tokens=512", "token", "password", "passwords are hashed", "password=", "password: ",
    "password=null", "password: None", "token=true", "password=***", '"password":""',
    "token: <TOKEN>", "Bearer token required", "bearer of news", "compass=north", "bypass=1",
    "monkey=banana", "keyboard: qwerty", "turkey=1", "secretary: Ann", "tokenizer=bpe",
    "passage=5", "passed=12", "the authorization failed", "AKIA123", "sk_live_short",
    "eyJhbGciOiJIUzI1NiJ9", "org.apache.hadoop.hdfs.server.datanode.DataNode", "ghp_short",
    "1.2.3", "1.2.3.4.5", "v1.2.3.4", "256.1.1.1", "1.2.3.400", "10.0.0", "0.5", "3.14159",
    "12:30:45", "a::b", "std::vector", "dead::beef", "::", "1:2", "ab:cd", "00:11:22:33:44:55",
    "+0100", "+1", "+12", "1+2", "555-1234", "(555)", "(5) 6", "f(12345)", "2025/11/02",
    "http://example.com/a?b=c", "https://example.com:8080/", "ftp://bob@", "C:\\Users\\x",
    "took 12345678901234567890 ns", "0xdeadbeef12345678", "9f86d081884c7d659a2feaa0c55ad015",
    "SELECT * FROM users WHERE id = 5", "GET /index.html HTTP/1.1", "level=info msg=ok",
    "<EMAIL> <IP> <CARD>", "<EMAIL:9f86d081884c7d65>", "täglich · €5 ✓ …",
]  # fmt: skip
