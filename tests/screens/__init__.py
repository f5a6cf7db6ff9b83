"""Pictures for README and handbooks. The stories it walks along name models, so Django comes first."""

import django

django.setup()
