"""`python -m services.render [serve|check|migrate|parked]`."""

if __name__ == "__main__":
    # inside the condition, because children import this module again and need none of it
    import sys

    from services.kernel import console
    from services.kernel.settings import read_settings
    from services.render import bootstrap
    from services.render.settings import RenderSettings
    from services.render.worker import serve

    code = console.main("render", sys.argv[1:], settings=RenderSettings, serve=serve)
    if code == 0 and sys.argv[1:] == ["check"]:
        findings = bootstrap.check(read_settings(RenderSettings))
        sys.stdout.write("".join(f"{finding}\n" for finding in findings))
        code = 1 if findings else 0
    sys.exit(code)
