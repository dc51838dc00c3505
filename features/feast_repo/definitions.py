"""What `feast apply` finds: the objects generated from the catalogue, for the home in LIUSHUI_HOME."""

from features.views import objects
from lake.settings import load_settings

globals().update({o.name: o for o in objects(load_settings())})
