"""The style of drawings: AWS's colours for its groups, icons, and sizes in pixels at 100 %."""

INK = "#232f3e"
GREY = "#545b64"
ORANGE = "#d86613"
PURPLE = "#8c4fff"
PURPLE_TEXT = "#6b2fd9"
BLUE = "#147eba"
BLUE_TEXT = "#0e6296"
GREEN_TEXT = "#2f6a17"
TEAL = "#007d7f"
PUBLIC_TINT = "#eef5e7"
PRIVATE_TINT = "#e6f2f8"
HAIRLINE = "#c6cdd5"
WHITE = "#ffffff"

SCALING_DASH = "5 3"
ZONE_DASH = "6 4"
REGION_DASH = "2 3"

CLOUD_ICON = "aws/aws.png"
USERS_ICON = "aws.general.Users"
VPC_ICON = "aws.network.VPC"
PUBLIC_ICON = "aws.network.PublicSubnet"
PRIVATE_ICON = "aws.network.PrivateSubnet"
INSTANCE_ICON = "aws.compute.EC2Instance"
TASK_ICON = "aws.compute.ElasticContainerServiceTask"
SCALING_ICON = "aws.compute.EC2AutoScaling"

NAME_SIZE = 12.0  # size of names
TEXT_SIZE = 11.0  # size of all other text
LINE_HEIGHT = 14.0  # from baseline to baseline

MARGIN = 6.0
PADDING = 8.0
GROUP_HEADER = 26.0
ICON_SIZE = 40.0
SMALL_ICON_SIZE = 32.0
GATEWAY_SIZE = 28.0
LABEL_WIDTH = 92.0  # an icon with its label below

FRAME_HEADER = 22.0
FRAME_PAD = 6.0
FRAME_GAP = 9.0
CARD_HEIGHT = 38.0

CORNER_RADIUS = 6.0
ARROW_SIZE = 7.0
