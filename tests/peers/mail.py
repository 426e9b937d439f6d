"""A mail server for the tests (aiosmtpd), and a reader of the mail that it took.

mail.py serve FOLDER MODE [CERTIFICATE KEY]   MODE: plain, auth, starttls, tls; prints its port, and runs until it is killed
mail.py read FILE                             prints what a mail says, as Python's own `email` package reads it, as JSON
"""
import asyncio, base64, email, email.policy, hashlib, json, pathlib, ssl, sys


def read(path):
    mail = email.message_from_bytes(pathlib.Path(path).read_bytes(), policy=email.policy.default)
    def part(p):
        if p.is_multipart():
            return {"type": p.get_content_type(), "parts": [part(q) for q in p.iter_parts()]}
        body = p.get_payload(decode=True)
        text = body.decode() if p.get_content_maintype() == "text" else None
        return {"type": p.get_content_type(), "name": p.get_filename(), "text": text,
                "sha256": hashlib.sha256(body).hexdigest()}
    headers = {name.lower(): str(value) for name, value in mail.items()}
    print(json.dumps({"headers": headers, "body": part(mail)}))


def serve(folder, mode, files):
    from aiosmtpd.smtp import SMTP, AuthResult
    folder, context = pathlib.Path(folder), None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)

    class Handler:
        count = 0

        async def handle_RCPT(self, server, session, envelope, address, options):
            who = address.split("@")[0]
            if who == "nobody":
                return "550 there is no such person"
            if who == "later":
                return "451 not now"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, server, session, envelope):
            who = {address.split("@")[0] for address in envelope.rcpt_tos}
            self.count += 1
            (folder / f"{self.count}.eml").write_bytes(envelope.original_content)
            (folder / f"{self.count}.json").write_text(json.dumps({
                "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": server.transport.get_extra_info("sslcontext") is not None}))
            if "silent" in who:
                await asyncio.sleep(60)
            if "drop" in who:
                server.transport.abort()
            if "full" in who:
                return "452 the disk is full"
            return "250 taken"

    def authenticate(server, session, envelope, mechanism, data):
        good = data.login == b"ada@example.com" and data.password == (folder / "password").read_bytes()
        if good:
            return AuthResult(success=True)
        # A server that says too much: the login as it came, and in Base64.
        told = base64.b64encode(b"\0" + data.login + b"\0" + data.password).decode()
        server.transport.write(f"535 no login {data.password.decode()} {told}\r\n".encode())
        server.transport.close()
        return AuthResult(success=False, handled=True)

    async def main():
        auth = mode != "plain"
        def session():
            return SMTP(Handler_one, enable_SMTPUTF8=True, hostname="localhost",
                        tls_context=context if mode == "starttls" else None, require_starttls=mode == "starttls",
                        auth_required=auth, auth_require_tls=mode == "starttls", authenticator=authenticate if auth else None,
                        auth_exclude_mechanism=None)
        server = await asyncio.get_running_loop().create_server(
            session, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    Handler_one = Handler()
    asyncio.run(main())


if sys.argv[1] == "read":
    read(sys.argv[2])
else:
    serve(sys.argv[2], sys.argv[3], sys.argv[4:])
