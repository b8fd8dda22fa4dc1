"""The cases of the rules once more, over the real database: fake and real behave alike."""

from tests.core.apply.test_accepting import *  # noqa: F403
from tests.core.apply.test_bundling import *  # noqa: F403
from tests.core.apply.test_files import *  # noqa: F403
from tests.core.apply.test_hearing import *  # noqa: F403
from tests.core.apply.test_listing import *  # noqa: F403
from tests.core.apply.test_reconciling import *  # noqa: F403
from tests.core.apply.test_retrying import *  # noqa: F403
